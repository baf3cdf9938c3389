/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "store/schema.h"

#include "base/mem.h"

/* Raw data is only ever added: whatever tries to change it is refused by the file itself, so a slip
 * of a later version or of a hand at the sqlite3 prompt cannot falsify a measurement. */
#define ONLY_ADD(table)                                                                            \
    "CREATE TRIGGER " table "_no_update BEFORE UPDATE ON " table                                   \
    " BEGIN SELECT RAISE(ABORT, 'rows of " table " are only ever added'); END;\n"                  \
    "CREATE TRIGGER " table "_no_delete BEFORE DELETE ON " table                                   \
    " BEGIN SELECT RAISE(ABORT, 'rows of " table " are only ever added'); END;\n"

static const char campaigns_and_trials[] =
    "CREATE TABLE campaign(\n"
    "  id INTEGER PRIMARY KEY AUTOINCREMENT,\n"
    "  name TEXT NOT NULL,\n"
    "  plan_text TEXT NOT NULL,\n"
    "  plan_digest TEXT NOT NULL,\n"
    "  seed TEXT NOT NULL,\n"
    "  start_ns INTEGER NOT NULL,\n"
    "  end_ns INTEGER,\n"
    "  complete INTEGER NOT NULL DEFAULT 0 CHECK (complete IN (0, 1)),\n"
    "  end_cause TEXT\n"
    ") STRICT;\n"
    "CREATE TRIGGER campaign_no_update BEFORE UPDATE OF id, name, plan_text, plan_digest, seed,\n"
    "  start_ns ON campaign\n"
    "  BEGIN SELECT RAISE(ABORT, 'only the end of a campaign may be set'); END;\n"
    "CREATE TRIGGER campaign_no_delete BEFORE DELETE ON campaign\n"
    "  BEGIN SELECT RAISE(ABORT, 'rows of campaign are only ever added'); END;\n"

    "CREATE TABLE campaign_fact(\n"
    "  campaign_id INTEGER NOT NULL REFERENCES campaign(id),\n"
    "  name TEXT NOT NULL,\n"
    "  value TEXT NOT NULL,\n"
    "  PRIMARY KEY (campaign_id, name)\n"
    ") STRICT, WITHOUT ROWID;\n" ONLY_ADD("campaign_fact")

        "CREATE TABLE cell(\n"
        "  id INTEGER PRIMARY KEY AUTOINCREMENT,\n"
        "  campaign_id INTEGER NOT NULL REFERENCES campaign(id),\n"
        "  idx INTEGER NOT NULL,\n"
        "  platform TEXT NOT NULL,\n"
        "  platform_kind TEXT NOT NULL,\n"
        "  workload TEXT NOT NULL,\n"
        "  workload_kind TEXT NOT NULL,\n"
        "  parameters TEXT NOT NULL,\n"
        "  vms INTEGER NOT NULL CHECK (vms > 0),\n"
        "  vcpus INTEGER NOT NULL CHECK (vcpus > 0),\n"
        "  memory_bytes INTEGER NOT NULL CHECK (memory_bytes >= 0),\n"
        "  is_baseline INTEGER NOT NULL CHECK (is_baseline IN (0, 1)),\n"
        "  baseline_idx INTEGER NOT NULL,\n"
        "  UNIQUE (campaign_id, idx)\n"
        ") STRICT;\n" ONLY_ADD("cell")

            "CREATE TABLE metric(\n"
            "  id INTEGER PRIMARY KEY AUTOINCREMENT,\n"
            "  campaign_id INTEGER NOT NULL REFERENCES campaign(id),\n"
            "  workload TEXT NOT NULL,\n"
            "  name TEXT NOT NULL,\n"
            "  unit TEXT NOT NULL,\n"
            "  higher_is_better INTEGER NOT NULL CHECK (higher_is_better IN (0, 1)),\n"
            "  adds_up INTEGER NOT NULL CHECK (adds_up IN (0, 1)),\n"
            "  is_primary INTEGER NOT NULL CHECK (is_primary IN (0, 1)),\n"
            "  UNIQUE (campaign_id, workload, name)\n"
            ") STRICT;\n" ONLY_ADD("metric")

                "CREATE TABLE trial(\n"
                "  id INTEGER PRIMARY KEY AUTOINCREMENT,\n"
                "  campaign_id INTEGER NOT NULL REFERENCES campaign(id),\n"
                "  cell_id INTEGER NOT NULL REFERENCES cell(id),\n"
                "  block INTEGER NOT NULL,\n"
                "  position INTEGER NOT NULL,\n"
                "  status TEXT NOT NULL CHECK (status IN ('ok', 'failed', 'invalid')),\n"
                "  cause TEXT CHECK ((status = 'ok') = (cause IS NULL)),\n"
                "  start_ns INTEGER NOT NULL,\n"
                "  boot_ns INTEGER NOT NULL,\n"
                "  prepare_ns INTEGER NOT NULL,\n"
                "  run_ns INTEGER NOT NULL,\n"
                "  verify_ns INTEGER NOT NULL,\n"
                "  stop_ns INTEGER NOT NULL\n"
                ") STRICT;\n"
                "CREATE INDEX trial_of_campaign ON trial(campaign_id);\n"
                "CREATE INDEX trial_of_cell ON trial(cell_id);\n" ONLY_ADD("trial")

                    "CREATE TABLE trial_fact(\n"
                    "  trial_id INTEGER NOT NULL REFERENCES trial(id),\n"
                    "  name TEXT NOT NULL,\n"
                    "  value TEXT NOT NULL,\n"
                    "  PRIMARY KEY (trial_id, name)\n"
                    ") STRICT, WITHOUT ROWID;\n" ONLY_ADD("trial_fact")

                        "CREATE TABLE machine(\n"
                        "  trial_id INTEGER NOT NULL REFERENCES trial(id),\n"
                        "  idx INTEGER NOT NULL,\n"
                        "  boot_ns INTEGER,\n"
                        "  host_ns INTEGER,\n"
                        "  guest_ns INTEGER,\n"
                        "  console_tail TEXT,\n"
                        "  PRIMARY KEY (trial_id, idx)\n"
                        ") STRICT, WITHOUT ROWID;\n" ONLY_ADD("machine")

                            "CREATE TABLE sample(\n"
                            "  trial_id INTEGER NOT NULL REFERENCES trial(id),\n"
                            "  seq INTEGER NOT NULL,\n"
                            "  machine INTEGER NOT NULL,\n"
                            "  metric_id INTEGER NOT NULL REFERENCES metric(id),\n"
                            "  value REAL NOT NULL,\n"
                            "  PRIMARY KEY (trial_id, seq)\n"
                            ") STRICT, WITHOUT ROWID;\n" ONLY_ADD("sample")

                                "CREATE TABLE figure(\n"
                                "  trial_id INTEGER NOT NULL REFERENCES trial(id),\n"
                                "  machine INTEGER NOT NULL,\n"
                                "  name TEXT NOT NULL,\n"
                                "  value REAL,\n"
                                "  missing TEXT,\n"
                                "  PRIMARY KEY (trial_id, machine, name),\n"
                                "  CHECK ((value IS NULL) <> (missing IS NULL))\n"
                                ") STRICT, WITHOUT ROWID;\n" ONLY_ADD("figure")

                                    "CREATE VIEW samples AS\n"
                                    "  SELECT campaign.id AS campaign_id, campaign.name AS "
                                    "campaign, trial.id AS trial_id,\n"
                                    "    trial.block, trial.position, trial.status, cell.workload, "
                                    "cell.platform, cell.vms,\n"
                                    "    cell.vcpus, cell.memory_bytes, sample.machine, "
                                    "metric.name AS metric, sample.value,\n"
                                    "    metric.unit\n"
                                    "  FROM sample JOIN trial ON trial.id = sample.trial_id JOIN "
                                    "cell ON cell.id = trial.cell_id\n"
                                    "    JOIN campaign ON campaign.id = trial.campaign_id\n"
                                    "    JOIN metric ON metric.id = sample.metric_id;\n";

/* Whatever else a trial brings home: console logs, /proc snapshots, histograms, series. */
static const char attachments[] = "CREATE TABLE attachment(\n"
                                  "  id INTEGER PRIMARY KEY AUTOINCREMENT,\n"
                                  "  trial_id INTEGER NOT NULL REFERENCES trial(id),\n"
                                  "  machine INTEGER NOT NULL,\n"
                                  "  name TEXT NOT NULL,\n"
                                  "  encoding TEXT NOT NULL,\n"
                                  "  bytes BLOB NOT NULL,\n"
                                  "  UNIQUE (trial_id, machine, name)\n"
                                  ") STRICT;\n" ONLY_ADD("attachment");

/* What probes saw of a machine while it was measured, or of the whole trial (machine -1). */
static const char readings[] = "CREATE TABLE reading(\n"
                               "  trial_id INTEGER NOT NULL REFERENCES trial(id),\n"
                               "  machine INTEGER NOT NULL,\n"
                               "  name TEXT NOT NULL,\n"
                               "  value REAL,\n"
                               "  missing TEXT,\n"
                               "  PRIMARY KEY (trial_id, machine, name),\n"
                               "  CHECK ((value IS NULL) <> (missing IS NULL))\n"
                               ") STRICT, WITHOUT ROWID;\n" ONLY_ADD("reading");

/* Designs of counters side by side: one row a value, or one that says why a work failed. */
static const char comparisons[] =
    "CREATE TABLE comparison(\n"
    "  id INTEGER PRIMARY KEY AUTOINCREMENT,\n"
    "  start_ns INTEGER NOT NULL\n"
    ") STRICT;\n" ONLY_ADD("comparison")

        "CREATE TABLE comparison_fact(\n"
        "  comparison_id INTEGER NOT NULL REFERENCES comparison(id),\n"
        "  name TEXT NOT NULL,\n"
        "  value TEXT NOT NULL,\n"
        "  PRIMARY KEY (comparison_id, name)\n"
        ") STRICT, WITHOUT ROWID;\n" ONLY_ADD("comparison_fact")

            "CREATE TABLE measure(\n"
            "  id INTEGER PRIMARY KEY AUTOINCREMENT,\n"
            "  comparison_id INTEGER NOT NULL REFERENCES comparison(id),\n"
            "  design TEXT NOT NULL,\n"
            "  work TEXT NOT NULL,\n"
            "  vms INTEGER NOT NULL CHECK (vms > 0),\n"
            "  repeat INTEGER NOT NULL CHECK (repeat >= 0),\n"
            "  name TEXT,\n"
            "  value INTEGER CHECK ((name IS NULL) = (value IS NULL)),\n"
            "  cause TEXT CHECK ((name IS NULL) <> (cause IS NULL)),\n"
            "  UNIQUE (comparison_id, design, work, vms, repeat, name)\n"
            ") STRICT;\n" ONLY_ADD("measure");

const char *const schema_migrations[] = {
    campaigns_and_trials,
    attachments,
    readings,
    comparisons,
};
const size_t schema_version = COUNT_OF(schema_migrations);
