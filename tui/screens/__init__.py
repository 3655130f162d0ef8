"""The app's screens: one file each; they paint and change nothing."""
