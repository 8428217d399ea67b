-- Test-only: accounts and sessions over HTTP, which is a hundred times faster than starting prosodyctl.
local array = require "prosody.util.array"
local json = require "prosody.util.json"
local usermanager = require "prosody.core.usermanager"

local function answer(event, status, value)
	event.response.status_code = status
	event.response.headers.content_type = "application/json"
	return event.response:send(json.encode(value))
end

local function register(event)
	local account = json.decode(event.request.body) or {}
	-- For create_user, an existing account is one whose password changes.
	if usermanager.user_exists(account.user, account.host) then return answer(event, 400, { error = "conflict" }) end
	local ok, err = usermanager.create_user(account.user, account.password, account.host)
	return answer(event, ok and 200 or 400, { error = not ok and tostring(err) or nil })
end

local function sessions(event)
	local list = array()
	for jid, session in pairs(prosody.full_sessions) do
		list[#list + 1] = { jid = jid, resumable = session.resumption_token ~= nil, hibernating = session.hibernating ~= nil }
	end
	return answer(event, 200, list)
end

module:depends("http")
module:provides("http", { name = "test", default_path = "/test", route = {
	["POST /register"] = register;
	["GET /sessions"] = sessions;
} })
