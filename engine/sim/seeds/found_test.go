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
	} {
		t.Run(name, func(t *testing.T) {
			var seen sights
			if f := s.try(&seen); f != nil {
				t.Error(f)
			}
		})
	}
}
