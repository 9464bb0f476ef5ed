-- id: 1 if it was there and goes.
return drop_row(arg())
