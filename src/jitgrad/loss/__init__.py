"""Everything about one user's loss: accept it, compile it once, keep it on disk, hand it its arguments."""
