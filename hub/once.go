package hub

import (
	"encoding/binary"
	"hash/maphash"
	"iter"
)

// CodeDuplicateRecord is the remark about a record whose id was there before.
const CodeDuplicateRecord = "duplicate_record"

// Once lets each external id pass once, as a delivery of everything must have it:
// of two debts with one id only one could be kept. A record that repeats an id is
// refused and keeps its account, and Twin names the account of the one before it.
// Damaged records take no id.
//
// It keeps a hash and an account code for every record: about forty bytes.
func Once(records iter.Seq2[Record, error]) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		seen := seenIDs{seed: maphash.MakeSeed(), at: map[uint64]int{}}
		for record, err := range records {
			if err == nil && record.Refused == nil {
				if twin, repeated := seen.take(&record); repeated {
					record = repetition(&record, twin)
				}
			}
			if !yield(record, err) {
				return
			}
		}
	}
}

func repetition(r *Record, twin string) Record {
	return Record{
		Account: r.Account, Twin: twin, Line: r.Line, Obligation: Obligation{ExternalID: r.Obligation.ExternalID},
		Refused: &QualityEvent{Code: CodeDuplicateRecord, Field: "id", Detail: "the same id stands twice in one delivery"},
	}
}

// seenIDs knows ids by hashes of them that nobody can foresee, and whose they are.
type seenIDs struct {
	seed     maphash.Seed
	at       map[uint64]int // where the account of an id begins
	accounts []byte         // codes, each after its length
}

// take keeps the id of a record, or gives the account that has it already.
func (s *seenIDs) take(r *Record) (twin string, repeated bool) {
	id := maphash.String(s.seed, r.Obligation.ExternalID)
	if at, repeated := s.at[id]; repeated {
		return s.account(at), true
	}
	s.at[id] = len(s.accounts)
	s.accounts = binary.AppendUvarint(s.accounts, uint64(len(r.Account)))
	s.accounts = append(s.accounts, r.Account...)
	return "", false
}

func (s *seenIDs) account(at int) string {
	length, n := binary.Uvarint(s.accounts[at:])
	return string(s.accounts[at+n:][:length])
}
