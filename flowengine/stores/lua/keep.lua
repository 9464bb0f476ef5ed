-- revision, artefact, now.
local revision = arg()
call('HSET', P .. 'artefact:' .. revision, 'artefact', arg(), 'kept', arg())
call('SADD', P .. 'revisions', revision)
return 1
