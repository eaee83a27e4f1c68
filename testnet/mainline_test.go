package testnet_test

import (
	"context"
	"errors"
	"os"
	"testing"

	"github.com/khashmir/kad/testnet"
)

func TestAMainlineNetworkFindsAllThatWasAnnouncedAndPut(t *testing.T) {
	for _, store := range []string{testnet.SQLite, testnet.Memory} {
		temp := t.TempDir()
		t.Setenv("TMPDIR", temp)
		config := testnet.Default()
		config.Mainline, config.Peers, config.Store, config.Callers = true, 20, store, 2
		report, err := testnet.RunMainline(t.Context(), config)
		if err != nil || !report.OK() || report.Announce.Done != 10 || report.GetPeers.Done != 30 || report.Put.Done != 10 || report.Get.Done != 30 || report.Find.Done != 10 {
			t.Errorf("%s: %+v, %v", store, report, err)
		}
		if report.Contacts < 8 || report.Questions < 3 {
			t.Errorf("%s: %v contacts, %v questions", store, report.Contacts, report.Questions)
		}
		if left, err := os.ReadDir(temp); err != nil || len(left) > 0 {
			t.Errorf("left behind: %v, %v", left, err)
		}
	}
}

func TestAMainlineNetworkThatIsInterruptedIsTakenDown(t *testing.T) {
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	ctx, cancel := context.WithCancelCause(t.Context())
	enough := errors.New("enough")
	config := testnet.Default()
	config.Mainline, config.Peers = true, 10
	config.Progress = func(stage testnet.Stage, done, _ int) {
		if stage == testnet.Announcing && done == 3 {
			cancel(enough)
		}
	}
	if _, err := testnet.RunMainline(ctx, config); !errors.Is(err, enough) {
		t.Error(err)
	}
	if left, err := os.ReadDir(temp); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}
