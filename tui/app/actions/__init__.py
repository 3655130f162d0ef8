"""What keys and the mouse do, beyond a line: functions of the app."""
