// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

// Command rulepage writes docs/lint.md from the table of rules. `make generate` runs it.
package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"strings"

	"github.com/otelcol-tenant/otelcol-tenant/internal/lint"
)

func main() {
	out := flag.String("o", "docs/lint.md", "the `FILE` to write")
	flag.Parse()
	if err := os.WriteFile(*out, page(lint.Rules()), 0o644); err != nil { //nolint:gosec // a document
		fmt.Fprintln(os.Stderr, "rulepage:", err)
		os.Exit(1)
	}
}

const head = `# Configuration guard

<!-- Written by internal/lint/rulepage from the table of rules. Do not edit. -->
<!-- sandbox: gateway -->

` + "`tenantctl lint`" + ` finds insecure and wrong settings that ` + "`otelcol-tenant validate`" + ` accepts. It reads the configuration, does not start
or contact anything, and needs no secret: a variable that is not set makes a setting unknown, and unknown settings have no findings.

` + "```sh\n" + `tenantctl lint --env-file /etc/otelcol-tenant/gateway.env /etc/otelcol-tenant/gateway.yaml
` + "```\n\n```text\n" + `/etc/otelcol-tenant/gateway.yaml:…: note OT103: receivers::tenant_otlp::protocols::grpc::tls: is not set, and the receiver listens on 0.0.0.0:4317: a proxy in front must terminate TLS
    fix: Set tls on the receiver. Or put a proxy in front, and let only the proxy reach the port.
…
checked as gateway: 0 errors, 0 warnings, …
` + "```" + `

| option | meaning |
|---|---|
| ` + "`FILE...`" + ` | configuration files, merged in order as with several ` + "`--config`" + ` flags of the collector |
| ` + "`--env-file FILE`" + ` | variables of the service, such as ` + "`/etc/otelcol-tenant/gateway.env`" + ` |
| ` + "`--registry FILE`" + ` | also check the tenants of this registry, a file or a database, against the configuration |
| ` + "`--gateways N`" + ` | the number of gateways that share the tenants |
| ` + "`--role agent\\|gateway\\|auto`" + ` | what the configuration is for; ` + "`auto`" + ` determines it |
| ` + "`--fail-on error\\|warning\\|note`" + ` | the severity from which the exit status is 1; default ` + "`warning`" + ` |
| ` + "`--disable ID,...`" + ` | rules that are not checked |
| ` + "`-o table\\|json\\|yaml\\|sarif`" + ` | the output |
| ` + "`--list`" + ` | print all rules |

The exit status is 0 without findings from ` + "`--fail-on`" + ` on, 1 with such findings, and 2 if a file cannot be read or the command is used
wrongly.

Lint does not replace ` + "`otelcol-tenant validate`" + `, which checks names and values of all settings. Rules marked *refused* are those of
` + "`validate`" + ` that concern several components. It looks at components that a pipeline or ` + "`service::extensions`" + ` names.

| severity | meaning |
|---|---|
| error | data or a secret is exposed, or data is lost or rejected |
| warning | a protection is missing, or the setting is probably a mistake |
| note | right in some environments and wrong in others |

## Suppress a finding

A comment on the line of the setting, or above it, suppresses a finding. The reason is required and appears in JSON and SARIF.

` + "```yaml" + `
receivers:
  tenant_otlp:
    protocols:
      http:
        # lint:ignore OT103 Caddy on this machine terminates TLS, and the firewall closes the port
        endpoint: 0.0.0.0:4318
` + "```" + `

## In a pipeline of CI

An example for GitHub Actions, which shows findings in pull requests. It needs GitHub, so only its syntax is tested here.

<!-- validate: syntax -->
` + "```yaml" + `
jobs:
  lint:
    runs-on: ubuntu-latest
    permissions: {contents: read, security-events: write}
    steps:
      - uses: actions/checkout@v4
      - run: tenantctl lint gateway.yaml --fail-on error -o sarif > lint.sarif
      - uses: github/codeql-action/upload-sarif@v3
        if: always()
        with: {sarif_file: lint.sarif}
` + "```" + `

## Rules
`

// page returns the document.
func page(rules []lint.Rule) []byte {
	var out bytes.Buffer
	out.WriteString(head)
	var family lint.Family
	for i := range rules {
		r := &rules[i]
		if r.Family != family {
			family = r.Family
			fmt.Fprintf(&out, "\n### %s\n", family)
		}
		refused := ""
		if r.Refused {
			refused = ", refused"
		}
		fmt.Fprintf(&out, "\n#### %s\n\n**%s** (%v%s). %s\n\nFix: %s\n[Examples](../internal/lint/testdata/rules/%s.yaml)\n",
			r.ID, r.Title, r.Severity, refused, r.Why, strings.TrimSpace(r.Fix), r.ID)
	}
	return out.Bytes()
}
