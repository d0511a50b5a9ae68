"""The networks, the one way frames reach them, and the folders they are kept in."""
