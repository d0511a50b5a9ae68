"""From cines to numbers: one clip, and the clips of a study together."""
