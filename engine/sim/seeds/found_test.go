package seeds

import "testing"

// What random calls have found stays found, whatever seeds draw.
func TestFound(t *testing.T) {
	refused := func(then ...act) *Spec {
		return &Spec{
			Calls:  []callSpec{{Plan: &step{Login: true}, Reliable: supports}},
			Phones: []phoneSpec{{Does: []behaviour{{Acts: append([]act{{Code: 401, Challenge: true}}, then...)}}}},
		}
	}
	for name, s := range map[string]*Spec{
		"BYE: the third INVITE is answered under the tag of the second": refused(act{Code: 181, SDP: true}, act{Code: 422}, act{Code: 200}),
		"PRACK: the third INVITE is rung under the tag of the second": refused(
			act{Code: 183, SDP: true, Reliable: true}, act{Code: 422}, act{Code: 183, SDP: true, Reliable: true}, act{Wait: 1e9, Code: 200}),
		"glare: an UPDATE of the callee's, passed on before the answer, is open after it": {
			Seed: 2516003189922112, Weather: weather{Dup: 4, Jitter: 802176069},
			Calls: []callSpec{{
				Plan: &step{Kind: serial, Members: []*step{{}, {}, {Kind: parallel, Members: []*step{
					{Phone: 2, Line: 2, Delay: 500e6}, {Phone: 2}, {}, {Line: 1},
				}}}},
				Talk: talk{Asks: []ask{{At: 449e6, Method: "UPDATE"}}},
			}},
			Phones: []phoneSpec{{}, {}, {Does: []behaviour{{}, {
				Acts: []act{{Code: 180, SDP: true, Reliable: true}, {Code: 183}, {Code: 183}, {Code: 200}},
				Talk: talk{Asks: []ask{{Method: "UPDATE"}}},
			}}}},
		},
		"glare: and meets the caller's re-INVITE": {
			Seed: 1514821542958025, Weather: weather{Loss: 9, Jitter: 1234204616},
			Calls: []callSpec{{Plan: &step{Early: 2}, LateOffer: true, Talk: talk{Asks: []ask{{Method: "INVITE"}}}}},
			Phones: []phoneSpec{{Does: []behaviour{{
				Acts: []act{{Code: 180}, {Wait: 1e9, Code: 200}}, Talk: talk{Asks: []ask{{Method: "UPDATE"}}},
			}}}},
		},
		"glare: and the callee's own": {
			Weather: weather{Jitter: 1675102992},
			Calls:   []callSpec{{Plan: &step{}}},
			Phones: []phoneSpec{{Does: []behaviour{{
				Acts: []act{{Code: 180, SDP: true, Reliable: true}, {Wait: 16e9, Code: 180, Reliable: true}, {Code: 200}},
				Talk: talk{Asks: []ask{{Method: "INVITE"}, {At: 1e9, Method: "INVITE"}, {Method: "UPDATE"}}},
			}}}},
		},
		"a phone that restarted answers the INVITE that was made again after its 422": {
			Seed: 611148017138150, Weather: weather{Loss: 29, Jitter: 1485567814},
			Calls:  []callSpec{{Plan: &step{Phone: 1}}},
			Phones: []phoneSpec{{}, {Does: []behaviour{{Acts: []act{{Code: 422}, {Code: 200}}}}, RestartAt: 4e9}},
		},
		"both BYEs wait for an ACK while an UPDATE is under way": {
			Seed: 3571231119257120, Weather: weather{Loss: 13, Dup: 14, Delay: 67e6},
			Calls: []callSpec{{
				Plan: &step{Phone: 3, Login: true}, Longest: 1367e6, Talk: talk{AckLate: 30e9, Asks: []ask{{At: 1115e6, Method: "UPDATE"}}},
			}},
			Phones: []phoneSpec{{}, {}, {}, {Does: []behaviour{{
				Acts: []act{{Code: 180}, {Code: 180}, {Code: 401, Challenge: true}, {Code: 200}},
				Talk: talk{Asks: []ask{{At: 946e6, Method: "INVITE"}}},
			}}}},
		},
		"an INVITE comes by another path while its refusal, for another user's credentials, is not forgotten": {
			Calls: []callSpec{{MergedAt: 3e6, Who: lies}}, Users: true,
		},
		"the 2xx of a registered phone whose refusal was passed on already has no Contact": {
			Calls: []callSpec{{
				Plan: &step{}, Answers: []answer{{Plan: &step{User: 1}}}, Contacts: []contactSpec{{User: 1, Phone: 2}},
			}},
			Phones: []phoneSpec{{}, {}, {Does: []behaviour{{Acts: []act{{Code: 301}, {Code: 200, Wrong: noContact}}}}}},
		},
		"the script hangs up as it hears of the longest duration, while both BYEs wait for an ACK": {
			Seed: 2421324324048997, Weather: weather{Dup: 2, Jitter: 1054e6},
			Calls: []callSpec{{}, {Plan: &step{Phone: 3}, Effects: []effect{{}, {Hangup: true}}, Longest: 2e9, Talk: talk{NoAck: true}}},
			Phones: []phoneSpec{{}, {}, {}, {Does: []behaviour{{
				Acts: []act{{Code: 180}, {Code: 200}}, Talk: talk{Asks: []ask{{Method: "INVITE"}}},
			}}}},
		},
		"a copy of the 2xx without Contact comes while a BYE to the Contact of a re-INVITE waits": {
			Seed: 2404222636601040,
			Calls: []callSpec{{}, {}, {
				Plan: &step{}, Answers: []answer{{Plan: &step{Phone: 1, Line: 1}}}, Talk: talk{Bye: 445e6},
			}},
			Phones: []phoneSpec{{}, {Weather: weather{Loss: 7, Dup: 17, Jitter: 1993901315}, Does: []behaviour{{
				Acts: []act{{Code: 181, Reliable: true}, {Wait: 721e6, Code: 200, Tag: 1, Wrong: noContact}},
				Talk: talk{Asks: []ask{{Method: "MESSAGE"}, {Method: "INVITE"}}},
			}}}},
		},
		"branches that fail at one instant: the younger INVITE is of the elder leg": {
			Calls:  []callSpec{{Plan: &step{Kind: parallel, Members: []*step{{Login: true}, {Line: 1}}}}},
			Phones: []phoneSpec{{Does: []behaviour{{Acts: []act{{Code: 401, Challenge: true}}}, {}}, RefuseAt: 7e9}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			var seen sights
			if f := s.try(&seen); f != nil {
				t.Error(f)
			}
		})
	}
}
