"""What a scene keeps as plain data: the clips of a study and what nodes cannot hold exactly."""
