package onboard

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"racord/hub"
)

// The bounds of a text and of what is kept of a creditor.
const (
	longestYAML  = 256 << 10
	longestFile  = 1 << 20
	mostFiles    = 4
	longestName  = 64
	mostVersions = 1000
)

// Validate reads a text as Draft would, with the files that are there and, over
// these, with those that come with it. It keeps nothing.
func (s *Service) Validate(ctx context.Context, who hub.Caller, creditor hub.Name, text hub.ManifestText) ([]hub.Field, error) {
	if err := reach(&who, creditor); err != nil {
		return nil, err
	}
	if err := checkText(text); err != nil {
		return nil, err
	}
	kept, _, err := s.files(ctx, creditor)
	if err != nil {
		return nil, err
	}
	for _, f := range kept {
		if !slices.ContainsFunc(text.Files, func(sent hub.ManifestFile) bool { return sent.Name == f.Name }) {
			text.Files = append(text.Files, f)
		}
	}
	_, problems := s.Reader.Read(creditor, text)
	return problems, nil
}

// files gives the files of the newest version: they come with whatever is written
// next. basis is for keep.
func (s *Service) files(ctx context.Context, creditor hub.Name) (files []hub.ManifestFile, basis string, err error) {
	r, err := s.Store.Registration(ctx, creditor)
	if err != nil || len(r.Versions) == 0 {
		return nil, "", ignoreAbsent(err)
	}
	text, err := s.Store.Text(ctx, creditor, len(r.Versions))
	return text.Files, newest(&r), ignoreAbsent(err)
}

// newest is the digest of the newest text, "" before the first.
func newest(r *hub.Registration) string {
	if len(r.Versions) == 0 {
		return ""
	}
	return r.Versions[len(r.Versions)-1].Digest
}

func checkText(text hub.ManifestText) error {
	switch {
	case len(text.YAML) == 0:
		return invalid("manifest", "is empty")
	case len(text.YAML) > longestYAML:
		return invalid("manifest", "is longer than 256 KiB")
	case len(text.Files) > mostFiles:
		return invalid("files", fmt.Sprintf("are more than %d", mostFiles))
	}
	seen := map[string]bool{}
	for _, f := range text.Files {
		switch {
		case f.Name == "" || len(f.Name) > longestName || strings.ContainsAny(f.Name, "/\\\x00") || f.Name[0] == '.' || seen[f.Name]:
			return invalid("files", "need a name of their own each, without folders")
		case len(f.Data) > longestFile:
			return invalid("files", f.Name+" is longer than 1 MiB")
		}
		seen[f.Name] = true
	}
	return nil
}

// Draft keeps a text as the creditor's draft, in place of the one before. A text
// with problems is kept too: the work is not lost, and Submit refuses it. Files of
// the version before stay. It returns CodeConflict when somebody else writes at the
// same time.
func (s *Service) Draft(ctx context.Context, who hub.Caller, creditor hub.Name, yaml []byte) (Detail, error) {
	if err := reach(&who, creditor); err != nil {
		return Detail{}, err
	}
	text := hub.ManifestText{YAML: yaml}
	if err := checkText(text); err != nil {
		return Detail{}, err
	}
	files, basis, err := s.files(ctx, creditor)
	if err != nil {
		return Detail{}, err
	}
	text.Files = files
	return s.keep(ctx, &who, creditor, text, basis, true)
}

// Attach keeps a file beside the draft, in place of one of the same name; nil data
// take it away. It fails like Draft.
func (s *Service) Attach(ctx context.Context, who hub.Caller, creditor hub.Name, name string, data []byte) (Detail, error) {
	if err := reach(&who, creditor); err != nil {
		return Detail{}, err
	}
	r, err := s.Registration(ctx, who, creditor)
	if err != nil {
		return Detail{}, err
	}
	v := r.In(hub.StageDraft)
	if v == nil {
		return Detail{}, hub.Errorf(hub.CodeConflict, "There is no draft: put the manifest first.")
	}
	text, err := s.text(ctx, creditor, v.No)
	if err != nil {
		return Detail{}, err
	}
	before := len(text.Files)
	text.Files = slices.DeleteFunc(text.Files, func(f hub.ManifestFile) bool { return f.Name == name })
	if data == nil && len(text.Files) == before {
		return Detail{}, absent()
	}
	if data != nil {
		text.Files = append(text.Files, hub.ManifestFile{Name: name, Data: data})
	}
	slices.SortFunc(text.Files, func(a, b hub.ManifestFile) int { return strings.Compare(a.Name, b.Name) })
	if err := checkText(text); err != nil {
		return Detail{}, err
	}
	return s.keep(ctx, &who, creditor, text, newest(&r), false)
}

// keep writes a text into the draft, beginning one when that is wanted. basis is the
// digest of the newest text when the other half of this one was read: what was
// written since would be lost.
func (s *Service) keep(ctx context.Context, who *hub.Caller, creditor hub.Name, text hub.ManifestText, basis string, begin bool) (Detail, error) {
	facts, problems := s.read(creditor, text)
	r, err := s.Store.ChangeRegistration(ctx, creditor, func(r *hub.Registration) error {
		v := r.In(hub.StageDraft)
		if v == nil && !begin {
			return hub.Errorf(hub.CodeConflict, "The draft has just been submitted by somebody else.")
		}
		if newest(r) != basis {
			return changedMeanwhile()
		}
		if v == nil {
			var err error
			if v, err = s.add(who, r, ""); err != nil {
				return err
			}
		}
		write(who, v, text, facts)
		return nil
	})
	if err != nil {
		return Detail{}, err
	}
	return s.detail(ctx, &r, r.In(hub.StageDraft), text, problems)
}

func changedMeanwhile() error {
	return hub.Errorf(hub.CodeConflict, "The draft has just been changed by somebody else.")
}

// read gives facts only when there are no problems.
func (s *Service) read(creditor hub.Name, text hub.ManifestText) (hub.ManifestFacts, []hub.Field) {
	facts, problems := s.Reader.Read(creditor, text)
	if len(problems) > 0 {
		return hub.ManifestFacts{}, problems
	}
	return facts, nil
}

// add begins a new version, as a draft without a text.
func (s *Service) add(who *hub.Caller, r *hub.Registration, why string) (*hub.Version, error) {
	if len(r.Versions) >= mostVersions {
		return nil, hub.Errorf(hub.CodeConflict, "This connector has %d versions, which is the most.", mostVersions)
	}
	r.Versions = append(r.Versions, hub.Version{No: len(r.Versions) + 1, CreatedAt: s.Clock.Now()})
	v := &r.Versions[len(r.Versions)-1]
	return v, s.move(who, v, hub.StageDraft, 0, why)
}

func write(who *hub.Caller, v *hub.Version, text hub.ManifestText, facts hub.ManifestFacts) {
	v.Text, v.Author, v.Facts, v.Digest = &text, who.Login, facts, digest(text)
}

// digest names a text by its content (SHA-256 over parts with their lengths).
func digest(text hub.ManifestText) string {
	sum := sha256.New()
	part := func(data []byte) {
		var length [8]byte
		binary.BigEndian.PutUint64(length[:], uint64(len(data)))
		_, _ = sum.Write(length[:])
		_, _ = sum.Write(data)
	}
	part(text.YAML)
	for _, f := range text.Files {
		part([]byte(f.Name))
		part(f.Data)
	}
	return hex.EncodeToString(sum.Sum(nil))
}

// RollBack makes a new draft with the text of an old version. What is live stays
// so until the new one has gone the whole way.
func (s *Service) RollBack(ctx context.Context, who hub.Caller, creditor hub.Name, no int) (Detail, error) {
	if err := reach(&who, creditor); err != nil {
		return Detail{}, err
	}
	text, err := s.text(ctx, creditor, no)
	if err != nil {
		return Detail{}, err
	}
	facts, problems := s.read(creditor, text)
	r, err := s.Store.ChangeRegistration(ctx, creditor, func(r *hub.Registration) error {
		if v := r.In(hub.StageDraft); v != nil {
			return hub.Errorf(hub.CodeConflict, "Version %d is a draft: submit or retire it first.", v.No)
		}
		v, err := s.add(&who, r, fmt.Sprintf("the text of version %d", no))
		if err == nil {
			write(&who, v, text, facts)
		}
		return err
	})
	if err != nil {
		return Detail{}, err
	}
	return s.detail(ctx, &r, r.In(hub.StageDraft), text, problems)
}

func (s *Service) text(ctx context.Context, creditor hub.Name, no int) (hub.ManifestText, error) {
	text, err := s.Store.Text(ctx, creditor, no)
	if hub.CodeOf(err) == hub.CodeNotFound {
		return text, absent()
	}
	return text, err
}

// Submit ends the draft: its text is fixed, the conformance suite begins, and
// contacts are told when it leads elsewhere than what citizens see. It returns
// CodeInvalid with all that is wrong with the text, and CodeConflict for one that
// would send a secret elsewhere.
func (s *Service) Submit(ctx context.Context, who hub.Caller, creditor hub.Name, no int) (hub.Version, error) {
	if err := reach(&who, creditor); err != nil {
		return hub.Version{}, err
	}
	text, err := s.text(ctx, creditor, no)
	if err != nil {
		return hub.Version{}, err
	}
	facts, problems := s.read(creditor, text)
	if len(problems) > 0 {
		return hub.Version{}, invalids(problems)
	}
	if err := s.secretsThere(ctx, creditor, facts.Secrets); err != nil {
		return hub.Version{}, err
	}
	v, err := s.onVersion(ctx, "connector_submit", &who, creditor, no, func(r *hub.Registration, v *hub.Version) error {
		if v.Digest != digest(text) {
			return changedMeanwhile()
		}
		if len(current(r.Contacts)) == 0 {
			return hub.Errorf(hub.CodeConflict, "Say first who is told when somebody changes this connector: it has no contact.")
		}
		if err := notElsewhere(r, &facts); err != nil {
			return err
		}
		if err := s.replaceProving(&who, r, v); err != nil {
			return err
		}
		v.Facts, v.Submitted = facts, s.Clock.Now()
		s.giveNotice(r, v)
		return nil
	})
	if err == nil && s.Prover != nil {
		s.begin(ctx, creditor, v)
	}
	return v, err
}

// begin proves a version that was submitted. What cannot be begun now is taken up
// later.
func (s *Service) begin(ctx context.Context, creditor hub.Name, v hub.Version) {
	if err := s.prove(ctx, creditor, v); err != nil {
		s.Log.Warn("the suite begins later", slog.String("creditor", string(creditor)), slog.Int("version", v.No), slog.String("error", err.Error()))
	}
}

// replaceProving lets a version be proved instead of another.
func (s *Service) replaceProving(who *hub.Caller, r *hub.Registration, v *hub.Version) error {
	if before := r.In(hub.StageProving); before != nil {
		if err := s.move(who, before, hub.StageRetired, 0, fmt.Sprintf("replaced by version %d", v.No)); err != nil {
			return err
		}
	}
	return s.move(who, v, hub.StageProving, 0, "")
}

// secretsThere refuses a manifest that names secrets nobody has put yet.
func (s *Service) secretsThere(ctx context.Context, creditor hub.Name, names []string) error {
	cards, err := s.Keeper.Cards(ctx, creditor)
	if err != nil {
		return err
	}
	var missing []hub.Field
	for _, name := range names {
		if !slices.ContainsFunc(cards, func(c hub.SecretCard) bool { return c.Name == name }) {
			missing = append(missing, hub.Field{Pointer: name, Code: hub.CodeAuth, Detail: "the manifest names this secret, and it is not set"})
		}
	}
	if missing == nil {
		return nil
	}
	conflict := hub.Errorf(hub.CodeConflict, "Secrets are missing; errors names them.")
	conflict.Fields = missing
	return conflict
}
