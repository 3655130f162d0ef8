"""The arms race as a game, computed: every user's tool against every trainer's answer, by date of availability."""
