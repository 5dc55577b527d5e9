"""The command line: one file per noun, one function per verb; `table` is the list of them all."""
