package wire

import (
	"racord/connectors"
)

// Auth is how the hub shows who it is.
type Auth struct {
	Type         string                `json:"type" doc:"none, api_key (a header), bearer (a token that is agreed on, RFC 6750), oauth2 (client credentials, RFC 6749 §4.4) or session (a login and its cookie)." required:"true" enum:"none|api_key|bearer|oauth2|session"`
	Header       string                `json:"header" doc:"Header of an API key."`
	Secret       connectors.SecretName `json:"secret" doc:"Secret that holds the API key or the bearer token."`
	TokenURL     string                `json:"token_url" doc:"Token endpoint."`
	ClientID     connectors.SecretName `json:"client_id" doc:"Secret that holds the client id."`
	ClientSecret connectors.SecretName `json:"client_secret" doc:"Secret that holds the client's secret."`
	Scope        string                `json:"scope" doc:"Scope to ask for."`
	Session      *Session              `json:"session" doc:"How the hub logs in, and what it is then known by."`
}

// Check finds what the type of authentication lacks.
func (a Auth) Check(report func(field, problem string)) {
	for _, f := range []struct{ kind, name, value string }{
		{"api_key", "header", a.Header},
		{a.keyed(), "secret", string(a.Secret)},
		{"oauth2", "token_url", a.TokenURL},
		{"oauth2", "client_id", string(a.ClientID)},
		{"oauth2", "client_secret", string(a.ClientSecret)},
	} {
		if f.kind == a.Type && f.value == "" {
			report("", f.name+" is missing: "+f.kind+" needs it")
		}
		if f.kind != a.Type && f.value != "" {
			report(f.name, "belongs to "+f.kind)
		}
	}
	if (a.Type == "session") != (a.Session != nil) {
		report("session", "is needed where type is session, and nowhere else")
	}
	if a.TokenURL != "" {
		if problem := connectors.CheckURL(a.TokenURL); problem != "" {
			report("token_url", problem)
		}
	}
}

// keyed is the type that the secret belongs to.
func (a Auth) keyed() string {
	if a.Type == "bearer" {
		return "bearer"
	}
	return "api_key"
}
