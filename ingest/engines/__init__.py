"""The storage engines behind one interface."""
