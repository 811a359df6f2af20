"""The WikiText-2 study: its rows, the training of one row with one seed, search, table, what stability costs."""
