// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package main

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"time"
)

// manualOf returns the manual page of tenantctl in roff, made of its --help texts: one
// section for each command. So the page names every command and flag of this build.
func manualOf(binary string, v version, at time.Time) ([]byte, error) {
	var b bytes.Buffer
	b.WriteString(".SH NAME\ntenantctl \\- manage the tenants of a gateway and their keys\n")
	text, err := outputOf(binary, "--help")
	if err != nil {
		return nil, err
	}
	root := parseHelp(string(text))
	b.WriteString(".SH SYNOPSIS\n.B tenantctl\n.I COMMAND\n[\\fIflags\\fR]\n.SH DESCRIPTION\n")
	literal(&b, root.intro)
	b.WriteString(".SH COMMANDS\n")
	if err := describe(&b, binary, nil, root); err != nil {
		return nil, err
	}
	b.WriteString(".SH GLOBAL FLAGS\n")
	literal(&b, root.flags)
	b.WriteString(".SH EXAMPLES\n")
	literal(&b, root.examples)
	b.WriteString(".SH EXIT STATUS\n0 success, 1 failure, 2 wrong usage.\n.SH SEE ALSO\n.BR otelcol-tenant (8)\n")
	return head("tenantctl", 1, v, at, b.Bytes()), nil
}

// head returns a manual page with its first line.
func head(name string, section int, v version, at time.Time, body []byte) []byte {
	text := v.core
	if v.prerelease != "" {
		text += "-" + v.prerelease
	}
	first := fmt.Sprintf(".TH %s %d %s \"otelcol-tenant %s\" \"otelcol-tenant\"\n", strings.ToUpper(name), section, at.Format("2006-01-02"), text)
	return append([]byte(first), body...)
}

// help is the help text of a command, in the format of cobra's template.
type help struct {
	intro, usage, examples, flags string
	commands                      []string
}

var (
	helpSection = regexp.MustCompile(`(?m)^(Usage|Aliases|Examples|Available Commands|Additional help topics|Flags|Global Flags):$`)
	helpCommand = regexp.MustCompile(`(?m)^  ([a-z][a-z-]*) `)
)

func parseHelp(text string) help {
	var h help
	at := helpSection.FindAllStringSubmatchIndex(text, -1)
	if len(at) == 0 {
		h.intro = text
		return h
	}
	h.intro = strings.TrimSpace(text[:at[0][0]])
	for i, m := range at {
		end := len(text)
		if i+1 < len(at) {
			end = at[i+1][0]
		}
		body := strings.Trim(text[m[1]:end], "\n")
		// The template ends with lines that belong to no section.
		body, _, _ = strings.Cut(body, "\n\nUse \"")
		body, _, _ = strings.Cut(body, "\n\nExit status")
		switch text[m[2]:m[3]] {
		case "Usage":
			h.usage = body
		case "Examples":
			h.examples = body
		case "Flags":
			h.flags = body
		case "Available Commands":
			for _, c := range helpCommand.FindAllStringSubmatch(body, -1) {
				h.commands = append(h.commands, c[1])
			}
		}
	}
	return h
}

// describe writes a subsection for each command below path that does something by itself.
func describe(b *bytes.Buffer, binary string, path []string, h help) error {
	for _, name := range h.commands {
		if name == "help" || name == "completion" {
			continue
		}
		words := append(append([]string{}, path...), name)
		text, err := outputOf(binary, append(words, "--help")...)
		if err != nil {
			return err
		}
		sub := parseHelp(string(text))
		if len(sub.commands) == 0 {
			fmt.Fprintf(b, ".SS tenantctl %s\n", escape(strings.Join(words, " ")))
			literal(b, sub.usage)
			literal(b, sub.intro)
			if sub.examples != "" {
				b.WriteString(".PP\nExamples:\n")
				literal(b, sub.examples)
			}
			b.WriteString(".PP\nFlags:\n")
			literal(b, sub.flags)
		}
		if err := describe(b, binary, words, sub); err != nil {
			return err
		}
	}
	return nil
}

// literal writes text with its line breaks.
func literal(b *bytes.Buffer, text string) {
	if text == "" {
		return
	}
	b.WriteString(".PP\n.nf\n")
	for line := range strings.SplitSeq(strings.TrimRight(text, "\n"), "\n") {
		b.WriteString(escape(line) + "\n")
	}
	b.WriteString(".fi\n")
}

// escape returns text that roff shows as it is.
func escape(line string) string {
	line = strings.NewReplacer(`\`, `\e`, "-", `\-`, "'", `\(aq`, "`", `\(ga`, "^", `\(ha`, "~", `\(ti`, "…", "...").Replace(line)
	if strings.HasPrefix(line, ".") {
		line = `\&` + line
	}
	return line
}
