package message

// Method is a request method. Methods are case-sensitive (RFC 3261 §7.1).
type Method uint8

// The methods that the engine knows; every other one is UnknownMethod.
const (
	UnknownMethod Method = iota
	INVITE
	ACK
	CANCEL
	BYE
	OPTIONS
	REGISTER
	INFO
	PRACK
	UPDATE
	MESSAGE
	SUBSCRIBE
	NOTIFY
	REFER
	PUBLISH
	numMethods
)

var methods = [numMethods]string{
	"", "INVITE", "ACK", "CANCEL", "BYE", "OPTIONS", "REGISTER", "INFO", "PRACK", "UPDATE", "MESSAGE", "SUBSCRIBE",
	"NOTIFY", "REFER", "PUBLISH",
}

// String returns the method's name, "" for UnknownMethod.
func (m Method) String() string { return methods[m] }

func methodOf(b []byte) Method {
	for m := INVITE; m < numMethods; m++ {
		if string(b) == methods[m] {
			return m
		}
	}
	return UnknownMethod
}
