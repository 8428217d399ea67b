-- Prosody 13 for the tests, everything on loopback. prosody.mjs fills in @BASE@, a folder of its own, and @PORT@.
local base = "@BASE@"
run_as_root = true
pidfile = base.."/prosody.pid"; data_path = base.."/data"; plugin_paths = { "@MODULES@" }; certificates = base
log = { { levels = { min = "@LEVEL@" }, to = "console" } }
interfaces = { "127.0.0.1" }; http_interfaces = { "127.0.0.1" }; http_ports = { @PORT@ }
c2s_ports = {}; c2s_direct_tls_ports = {}; s2s_ports = {}; https_ports = {}
http_default_host = "localhost"
http_cors_override = { bosh = { enabled = true; credentials = true; headers = { ["X-Probe"] = true } } }
modules_enabled = { "saslauth"; "roster"; "disco"; "carbons"; "pep"; "ping"; "blocklist"; "offline"; "mam"; "csi_simple"; "smacks";
  "bosh"; "websocket"; "sasl2"; "sasl2_bind2"; "sasl2_sm"; "sasl2_fast"; "sasl_ssdp"; "test_api" }
modules_disabled = { "s2s"; "tls"; "s2s_auth_certs" }
c2s_require_encryption = false; allow_unencrypted_plain_auth = true
consider_websocket_secure = true; consider_bosh_secure = true; bosh_max_inactivity = @INACTIVITY@
storage = "internal"; limits = {}; smacks_hibernation_time = 300

VirtualHost "localhost"
  authentication = "internal_plain"       -- SCRAM-SHA-1, SCRAM-SHA-256 and PLAIN together; a new salt at each login
VirtualHost "hashed.localhost"
  authentication = "internal_hashed"      -- one SCRAM, PLAIN, OAUTHBEARER
  password_hash = "SHA-256"
  sasl2_fast_token_min_ttl = 1            -- rotates tokens older than a second
VirtualHost "plain.localhost"
  authentication = "internal_plain"       -- PLAIN alone
  disable_sasl_mechanisms = { "DIGEST-MD5"; "OAUTHBEARER"; "SCRAM-SHA-1"; "SCRAM-SHA-256" }
VirtualHost "anon.localhost"
  authentication = "anonymous"
VirtualHost "oauth.localhost"
  authentication = "testoauth"            -- modules/mod_auth_testoauth.lua: "token-<user>" is valid for <user>
VirtualHost "open.localhost"
  authentication = "internal_hashed"
  modules_enabled = { "register_ibr" }; allow_registration = true
Component "conference.localhost" "muc"
  modules_enabled = { "muc_mam" }
