-- id, token: 1 if it was held and goes.
local id, token = arg(), arg()
return held(id, token) and drop_row(id) or 0
