"""From files to checked frames: what a data set's columns are, reading, conversion, two public formats."""
