package severity

import "go.opentelemetry.io/collector/pdata/plog"

// Words are the level words of loggers in lower case, by their severity number.
var Words = [...]struct {
	Number plog.SeverityNumber
	Words  []string
}{
	{plog.SeverityNumberTrace, []string{"trace", "trc", "trce", "silly", "finest", "finer", "t", "all"}},
	{plog.SeverityNumberTrace2, []string{"trace2", "input"}},
	{plog.SeverityNumberTrace3, []string{"trace3"}},
	{plog.SeverityNumberTrace4, []string{"trace4", "prompt"}},
	{plog.SeverityNumberDebug, []string{"debug", "dbg", "dbug", "fine", "d", "debugging", "timing"}},
	{plog.SeverityNumberDebug2, []string{"debug2", "verbose", "vrb", "v", "config"}},
	{plog.SeverityNumberDebug3, []string{"debug3", "http"}},
	{plog.SeverityNumberDebug4, []string{"debug4"}},
	{plog.SeverityNumberInfo, []string{"info", "inf", "information", "informational", "log", "mark", "i", "default", "start", "ready", "box", "note", "watch", "await", "pending"}},
	{plog.SeverityNumberInfo2, []string{"info2", "notice", "data", "n", "success", "complete", "ok"}},
	{plog.SeverityNumberInfo3, []string{"info3", "help"}},
	{plog.SeverityNumberInfo4, []string{"info4"}},
	{plog.SeverityNumberWarn, []string{"warn", "wrn", "warning", "w"}},
	{plog.SeverityNumberWarn2, []string{"warn2"}},
	{plog.SeverityNumberWarn3, []string{"warn3"}},
	{plog.SeverityNumberWarn4, []string{"warn4"}},
	{plog.SeverityNumberError, []string{"error", "err", "err!", "eror", "severe", "fail", "failure", "e"}},
	{plog.SeverityNumberError2, []string{"error2"}},
	{plog.SeverityNumberError3, []string{"error3"}},
	{plog.SeverityNumberError4, []string{"error4"}},
	{plog.SeverityNumberFatal, []string{"fatal", "ftl", "crit", "critical", "f", "c", "dpanic"}},
	{plog.SeverityNumberFatal2, []string{"fatal2", "alert", "a"}},
	{plog.SeverityNumberFatal3, []string{"fatal3", "emerg", "emergency"}},
	{plog.SeverityNumberFatal4, []string{"fatal4", "panic", "pnc"}},
}

// words is Words turned round.
var words = func() map[string]plog.SeverityNumber {
	m := map[string]plog.SeverityNumber{}
	for _, row := range Words {
		for _, word := range row.Words {
			m[word] = row.Number
		}
	}
	return m
}()
