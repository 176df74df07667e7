"""Makes the files of geo/roads/data from two pinned packages: see requirements.txt."""
