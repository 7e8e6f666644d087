"""When runs ran: a lane for each of some, or how many there were of more than can be told apart."""
