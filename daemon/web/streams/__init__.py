"""Server-sent events: what is recorded, told to whoever looks on. One follow of the log feeds them all."""
