// What a page with JsSIP in it does: opens a WebSocket, calls, and ends the call in one of several ways. It says on standard output
// what becomes of it, a line each. The socket is that of the package ws; media is a stub with a fixed description, since it is not
// what is tested.
//
//   node page.js URL TARGET hangup|wait|cancel
"use strict";

const { WebSocket } = require("ws");

const [url, target, mode] = process.argv.slice(2);
const say = (...words) => console.log(words.join(" "));

const description = [
  "v=0", "o=- 4611732 2 IN IP4 127.0.0.1", "s=-", "t=0 0", "a=group:BUNDLE 0", "a=msid-semantic: WMS",
  "m=audio 50000 UDP/TLS/RTP/SAVPF 111 8", "c=IN IP4 127.0.0.1", "a=rtcp:9 IN IP4 0.0.0.0",
  "a=candidate:1 1 udp 2122260223 127.0.0.1 50000 typ host generation 0", "a=ice-ufrag:bDVq", "a=ice-pwd:8AUUZMqp1kUTyxHwDWvVZbvO",
  "a=fingerprint:sha-256 " + Array(32).fill("5A").join(":"), "a=setup:actpass", "a=mid:0", "a=sendrecv", "a=rtcp-mux",
  "a=rtpmap:111 opus/48000/2", "a=rtpmap:8 PCMA/8000", "",
].join("\r\n");

// connection is as much of an RTCPeerConnection as JsSIP uses.
class connection extends EventTarget {
  iceConnectionState = "new";
  iceGatheringState = "complete";
  signalingState = "stable";
  addTrack() {}
  getSenders() { return []; }
  close() { this.signalingState = "closed"; }
  async createOffer() { return { type: "offer", sdp: description }; }
  async setLocalDescription(d) { this.localDescription = d; }
  async setRemoteDescription(d) { say("media", d.type, /^m=.*$/m.exec(d.sdp)[0]); }
}

Object.assign(globalThis, {
  window: globalThis,
  WebSocket,
  RTCPeerConnection: connection,
  RTCSessionDescription: class { constructor(d) { Object.assign(this, d); } },
});

const JsSIP = require("jssip");

const ua = new JsSIP.UA({
  sockets: [new JsSIP.WebSocketInterface(url)], uri: "sip:alice@tandem.example", register: false,
});
ua.on("connected", () => {
  say("connected");
  const stream = { getTracks: () => [], getAudioTracks: () => [], getVideoTracks: () => [] };
  const session = ua.call(target, { mediaStream: stream });
  const end = (how) => (e) => {
    say(how, e.originator, e.cause);
    ua.stop();
  };
  session.on("progress", (e) => {
    say("progress", e.response.status_code);
    if (mode === "cancel") session.terminate();
  });
  session.on("accepted", () => say("accepted"));
  session.on("confirmed", () => {
    say("confirmed");
    if (mode === "hangup") session.terminate();
  });
  session.on("ended", end("ended"));
  session.on("failed", end("failed"));
});
ua.on("disconnected", (e) => say("disconnected", e.error ? "with an error" : "in order"));
ua.start();
