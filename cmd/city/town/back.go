package town

import (
	"io"
	"net/http"
)

// welcome is the page of a portal that knows nothing by itself: how a payment
// ended is the hub's to say, never the browser's.
const welcome = `<!DOCTYPE html>
<html lang="ro"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer"><title>Înapoi la portal (simulat)</title>
<style>body{font:1.1rem/1.5 system-ui,sans-serif;max-width:34rem;margin:2rem auto;padding:0 1rem}</style></head>
<body><main><h1>Ați revenit la portal</h1>
<p>Aici portalul întreabă hubul cum s-a încheiat plata și arată dovada.</p>
<p lang="en">This page stands for the city's portal, which would now read <code>GET /v1/payments/{id}</code> at the hub.</p>
</main></body></html>
`

// portal is where payers come back to who were sent to pay from a command line.
func portal(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = io.WriteString(w, welcome) // a payer who left misses nothing
}
