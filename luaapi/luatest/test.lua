---@meta
error("Cannot require a meta file")

---Tests of scripts: phones, calls and time are virtual, the engine is the real one. See README.md beside this file.
---@class tandem.test
local t = {}

---A script under test: a folder with main.lua, or one file, relative to the test file.
---With a function: what a phone does with a call. It is called when the INVITE comes and writes the steps down.
---@param path string | fun(phone: tandem.test.phone, call: tandem.test.offered)
---@return tandem.test.pbx | tandem.test.behaviour
function t.script(path) end

---Declares a test. It runs in a Lua state of its own.
---@param name string unlike every other in the file
---@param fn fun()
function t.test(name, fn) end

---Ends the test; it counts as skipped.
---@param why? string
function t.skip(why) end

---Fails unless both are equal; tables are if they hold equal values under equal keys.
---@param got any
---@param want any
---@param why? string
function t.eq(got, want, why) end

---Fails if both are equal.
---@param got any
---@param unwanted any
---@param why? string
function t.ne(got, unwanted, why) end

---Fails if the value is nil or false.
---@param value any
---@param why? string
function t.ok(value, why) end

---Fails unless the text matches a Lua pattern.
---@param text string | number
---@param pattern string
---@param why? string
function t.match(text, pattern, why) end

---Fails unless the function raises an error, one that matches a Lua pattern if there is one. Returns the error.
---@param fn fun()
---@param pattern? string
---@return any
function t.raises(fn, pattern) end

---A time in a call: so long after its INVITE was at the engine, by 0.01 s more or less.
---@param call tandem.test.call
---@param seconds number
---@param options? { within: number }
---@return tandem.test.moment
function t.at(call, seconds, options) end

---180 at once, 200 after some seconds.
---@param seconds number
---@return tandem.test.behaviour
function t.after(seconds) end

---A final response: at once, or if seconds are given after ringing so long.
---@param code integer 200 to 699
---@param seconds? number
---@param headers? tandem.test.headers
---@return tandem.test.behaviour
function t.status(code, seconds, headers) end

---180 at once, then nothing.
---@return tandem.test.behaviour
function t.never() end

---Nothing at all.
---@return tandem.test.behaviour
function t.silent() end

---@alias tandem.test.headers table<string, string | number | (string | number)[]>

---@class tandem.test.behaviour

---A script under test.
---@class tandem.test.pbx
local pbx = {}

---A network with the engine on it, running the script.
---@param options { at?: string, seed?: integer, shards?: integer } at: "2026-11-23 10:15 Europe/Amsterdam"
---@return tandem.test.network
function pbx:network(options) end

---@class tandem.test.network
local network = {}

---A phone at an address in 192.0.2.0/24: { "sip:100@192.0.2.11", answers = t.after(2) }. answers may be a list: one
---after the other for one call after the other, the last one again and again.
---@param options { [1]: string, answers?: tandem.test.behaviour | tandem.test.behaviour[], name?: string }
---@return tandem.test.phone
function network:phone(options) end

---Places a call, now or at a time of the network. cancel is counted from the INVITE, hangup from the answer.
---@param options { from: string, to: string, headers?: tandem.test.headers, cancel?: number, hangup?: number, at?: number }
---@return tandem.test.call
function network:call(options) end

---Runs until nothing happens any more, or to a time of the network.
---@param seconds? number
function network:run(seconds) end

---@class tandem.test.phone
local phone = {}

---Messages that the phone received, without retransmissions: a method, the code of a response to an INVITE, "200 BYE",
---or nothing for all.
---@param what? string | integer
---@return tandem.test.messages
function phone:received(what) end

---Messages that the phone sent.
---@param what? string | integer
---@return tandem.test.messages
function phone:sent(what) end

---@class tandem.test.call
local call = {}

---The phone that answered, nil if none did.
---@return tandem.test.phone?
function call:answered_by() end

---The users that were called, in order, as the Request-URIs named them.
---@return string[]
function call:order() end

---The code of the final response that the caller got, nil if none came.
---@return integer?
function call:final() end

---Messages that the caller received.
---@param what? string | integer
---@return tandem.test.messages
function call:received(what) end

---Messages that the caller sent.
---@param what? string | integer
---@return tandem.test.messages
function call:sent(what) end

---@class tandem.test.messages
local messages = {}

---How many there are.
---@return integer
function messages:count() end

---Of the first message: the value of a header field, a list if it is there several times, nil if it is not there. With an
---expected value, fails if it is another one (nil: if it is there), and returns the messages.
---@param name string
---@param expected? string | number | string[]
---@return string | string[] | nil | tandem.test.messages
function messages:header(name, expected) end

---The body of the first message.
---@return string
function messages:body() end

---The first message as it was on the wire.
---@return string
function messages:raw() end

---When the first message was sent or received, in seconds since t = 0 of the network.
---@return number
function messages:at() end

---@class tandem.test.moment
local moment = {}

---Fails unless the phone, or the caller, received such a message of the call at that time; returns those it received.
---@param who tandem.test.phone | tandem.test.call
---@param what? string | integer
---@return tandem.test.messages
function moment:received(who, what) end

---Fails unless the phone, or the caller, sent such a message of the call at that time; returns those it sent.
---@param who tandem.test.phone | tandem.test.call
---@param what? string | integer
---@return tandem.test.messages
function moment:sent(who, what) end

---Fails unless the caller got the answer at that time.
---@return tandem.test.messages
function moment:answered() end

---Fails unless the call ended at that time: refused, or by the BYE of either side.
---@return tandem.test.messages
function moment:ended() end

---A call that a phone is offered, in a function of t.script.
---@class tandem.test.offered
local offered = {}

---180.
---@param options? { headers?: tandem.test.headers, sdp?: boolean | string, phrase?: string }
function offered:ring(options) end

---A response. sdp: true is the phone's own description, false none.
---@param code integer 100 to 699
---@param options? { headers?: tandem.test.headers, sdp?: boolean | string, phrase?: string }
function offered:send(code, options) end

---200, with the phone's session description.
---@param options? { headers?: tandem.test.headers, sdp?: boolean | string, phrase?: string }
function offered:answer(options) end

---Time until the next step.
---@param seconds number
function offered:wait(seconds) end

---BYE.
---@param options? { headers?: tandem.test.headers }
function offered:bye(options) end

---From here on a CANCEL is answered, but does not end the call: a step that does must follow.
function offered:ignore_cancel() end

---A header field of the INVITE: its value, a list if it is there several times, nil if it is not there.
---@param name string
---@return string | string[] | nil
function offered:header(name) end

return t
