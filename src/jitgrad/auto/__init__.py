"""What `Auto` does with derivatives: doubt them, look again, let the ladder find them, warn of those left over."""
