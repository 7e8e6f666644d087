"""What user code imports to declare partitioned assets."""
