"""What people see: the command line, the displays and the app."""
