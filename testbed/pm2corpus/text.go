package pm2corpus

import (
	"regexp"

	"go.opentelemetry.io/collector/pdata/plog"
)

// What the applications of the corpus wrote with console.log and morgan has a level and a
// time of its own, though no logger told of them.
var (
	consoleTag  = regexp.MustCompile(`^(?:\[(\d{4}-\d\d-\d\dT[\d:.]+Z)\] )?(WARN|INFO):? `)
	accessEntry = regexp.MustCompile(`^[0-9a-f:.]+ - - \[[^\]]+\] "[A-Z]+ [^"]*" (\d)\d\d \d+ "`)
)

// textLevel returns the severity that the text of a line tells.
func (e *Expected) textLevel() (n plog.SeverityNumber, word string) {
	if m := accessEntry.FindStringSubmatch(e.left()); m != nil {
		switch m[1] {
		case "5":
			return plog.SeverityNumberError, ""
		case "4":
			return plog.SeverityNumberWarn, ""
		}
		return plog.SeverityNumberInfo, ""
	}
	m := consoleTag.FindStringSubmatch(e.left())
	if m == nil {
		return 0, ""
	}
	if m[2] == "WARN" {
		return plog.SeverityNumberWarn, m[2]
	}
	return plog.SeverityNumberInfo, m[2]
}

// textTime returns the time that the text of a line tells, if any.
func (e *Expected) textTime() string {
	if m := consoleTag.FindStringSubmatch(e.left()); m != nil {
		return m[1]
	}
	return ""
}
