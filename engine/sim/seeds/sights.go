package seeds

import (
	"fmt"
	"strings"
)

// sight is something that a run came across: a simulation that never sees a thing says nothing about it.
type sight uint8

const (
	sawAnswer sight = iota
	sawRefusal
	sawCallerCancel
	sawLateWin
	sawRelease
	sawStray
	sawSecondTag
	sawCrossing
	sawRingOut
	sawGroupRingOut
	sawTimerB
	sawTimerC
	sawRefusedPort
	sawReplacement
	sawFollow
	sawExhausted
	sawBound
	sawSix
	sawFunction
	sawHangup
	sawProgress
	sawSkip
	sawHold
	sawEarly
	sawLookup
	sawBroken
	sawReinvite
	sawGlare
	saw481
	sawLapse
	sawParting
	sawLateOffer
	sawByeBeforeAck
	sawFarewell
	sawNewTag
	sawReliable
	sawPrack
	sawUnpracked
	sawPatience
	sawLongest
	sawInterval
	sawCrossed
	sawAwait
	sawAwaitFails
	sawAwaitTimeout
	sawAwaitChain
	sawAwaitCapped
	sawAwaitLeft
	sawAwaitStray
	sawAwaitReject
	sawAwaitFollow
	sawAwaitNil // and the places that it has nothing for, in the order of plan.Place
	sawAwaitNilStart
	sawAwaitNilExhausted
	sawAwaitNilFailed
	sawAwaitNilRedirected
	sawAwaitLateWin
	sawAwaitSix
	sawChallenge
	sawReplaces
	sawReplacesOver
	sawEarlyOffer
	sawOutside
	sawNextTarget
	sawSilentTarget
	sawTooLate
	sawSubscription
	sawEarlyNotify
	sawForkedNotify
	sawNoSubscription
	sawTerminated
	sawRefreshed
	sawUnrefreshed
	sawGoneSubscriber
	sawPublish
	sawRefer
	sawAsked
	sawIdentified
	sawWrongPassword
	sawStale
	sawLie
	sawReload
	sawUser
	sawNowhere
	sawDeclined
	numSights
)

var sightNames = [numSights]string{
	"answer", "refusal", "caller's CANCEL", "late win", "release", "stray 2xx", "forked 2xx", "200 crossing CANCEL", "ring-out",
	"group ring-out", "Timer B", "Timer C", "refused port", "replacement", "followed 3xx", "exhausted", "bound", "6xx stop", "function",
	"hangup", "progress", "duplicate skipped", "hold", "early start", "look-up", "broken datagram", "re-INVITE", "glare", "481", "no ACK", "BYE that waits for an ACK",
	"late offer", "BYE before ACK", "farewell", "new tag",
	"reliable provisional", "PRACK to a callee", "no PRACK", "2xx behind a PRACK", "longest duration", "422", "crossed re-INVITEs",
	"await", "await fails", "await times out", "await returns await", "await in a group that rings out", "await at the end of a call", "operation ends unheard",
	"await rejects", "await follows", "nothing from an await in a group", "from that of invite", "of exhausted", "of an edge", "of redirected", "answer while an await stands for it", "6xx stop behind an await", "challenge met", "Replaces", "Replaces of what is over",
	"glare with an early offer", "request outside calls", "next target for it", "silent target of it", "answer when its sender has given up", "subscription", "NOTIFY before the 2xx", "forked SUBSCRIBE", "NOTIFY of no subscription",
	"subscription terminated", "refreshed", "not refreshed", "ended by an answer", "PUBLISH", "REFER outside calls", "407", "credentials", "wrong password", "stale nonce", "another user's credentials", "reload with calls", "user with contacts", "user without", "6xx of a user's contact",
}

// sights counts.
type sights [numSights]int

func (s *sights) add(o *sights) {
	for i := range s {
		s[i] += o[i]
	}
}

// missing returns what was never seen.
func (s *sights) missing() (names []string) {
	for i, n := range s {
		if n == 0 {
			names = append(names, sightNames[i])
		}
	}
	return names
}

// String lists the counts.
func (s *sights) String() string {
	var b strings.Builder
	for i, n := range s {
		fmt.Fprintf(&b, "%s %d, ", sightNames[i], n)
	}
	return strings.TrimSuffix(b.String(), ", ")
}
