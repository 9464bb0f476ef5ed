-- now: rows of the outbox, those that may be taken, when the first of them was due; timers that may, and their first.
local now = arg()
local first = call('ZRANGE', DUE, 0, 0, 'WITHSCORES')
local timer = call('ZRANGE', P .. 'timers', 0, 0, 'WITHSCORES')
return {
  call('HLEN', PLACE),
  call('ZCOUNT', DUE, '-inf', now), first[2] or '0',
  call('ZCOUNT', P .. 'timers', '-inf', now), timer[2] or '0',
}
