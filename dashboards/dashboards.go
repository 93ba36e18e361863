// Package dashboards carries what an operator hangs on the wall: two Grafana
// dashboards, Prometheus recording and alert rules, and what to do when an alert
// rings. Whoever adds a metric adds its panel here; a test runs every query on a
// real Prometheus against the hub's real metrics.
package dashboards

import "embed"

// Files holds overview.json and payments.json (Grafana), recording.yaml and alerts.yaml
// (Prometheus) and runbooks.md, one section an alert.
//
//go:embed overview.json payments.json recording.yaml alerts.yaml runbooks.md
var Files embed.FS
