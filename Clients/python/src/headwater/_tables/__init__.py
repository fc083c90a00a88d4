"""Tables that users hand in, brought to the types of a group."""
