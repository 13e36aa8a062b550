// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

// Runs statements in an embedded ClickHouse: node query.cjs FOLDER < STATEMENTS, where
// STATEMENTS is a JSON array of strings. Prints a JSON array with the rows of each. FOLDER
// keeps the database.
const { readFileSync } = require('node:fs')
const { Session } = require('chdb')

const session = new Session(process.argv[2])
const results = []
for (const statement of JSON.parse(readFileSync(0, 'utf8'))) {
  try {
    const rows = session.query(statement, 'JSONEachRow')
    results.push(rows.split('\n').filter(Boolean).map((row) => JSON.parse(row)))
  } catch (e) {
    console.error(`${e.message}\nin: ${statement.slice(0, 500)}`)
    process.exitCode = 1
    break
  }
}
process.stdout.write(JSON.stringify(results))
session.cleanup()
