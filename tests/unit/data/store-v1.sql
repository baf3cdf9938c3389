-- SPDX-License-Identifier: GPL-2.0-or-later
-- A store as schema version 1 wrote it: two trials of one campaign.
PRAGMA application_id = 1987338616;
PRAGMA user_version = 1;
PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
CREATE TABLE campaign(
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT NOT NULL,
  plan_text TEXT NOT NULL,
  plan_digest TEXT NOT NULL,
  seed TEXT NOT NULL,
  start_ns INTEGER NOT NULL,
  end_ns INTEGER,
  complete INTEGER NOT NULL DEFAULT 0 CHECK (complete IN (0, 1)),
  end_cause TEXT
) STRICT;
INSERT INTO campaign VALUES(1,'old',replace('name: old\n','\n',char(10)),'abc','7',1700000000000000000,1795418720539285847,1,'blocks');
CREATE TABLE campaign_fact(
  campaign_id INTEGER NOT NULL REFERENCES campaign(id),
  name TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (campaign_id, name)
) STRICT, WITHOUT ROWID;
INSERT INTO campaign_fact VALUES(1,'host.kernel','6.1.0');
CREATE TABLE cell(
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  campaign_id INTEGER NOT NULL REFERENCES campaign(id),
  idx INTEGER NOT NULL,
  platform TEXT NOT NULL,
  platform_kind TEXT NOT NULL,
  workload TEXT NOT NULL,
  workload_kind TEXT NOT NULL,
  parameters TEXT NOT NULL,
  vms INTEGER NOT NULL CHECK (vms > 0),
  vcpus INTEGER NOT NULL CHECK (vcpus > 0),
  memory_bytes INTEGER NOT NULL CHECK (memory_bytes >= 0),
  is_baseline INTEGER NOT NULL CHECK (is_baseline IN (0, 1)),
  baseline_idx INTEGER NOT NULL,
  UNIQUE (campaign_id, idx)
) STRICT;
INSERT INTO cell VALUES(1,1,0,'native','native','bzip2','bzip2','level=9',1,1,536870912,1,0);
INSERT INTO cell VALUES(2,1,1,'qemu-tcg','qemu-tcg','bzip2','bzip2','level=9',1,1,536870912,0,0);
CREATE TABLE metric(
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  campaign_id INTEGER NOT NULL REFERENCES campaign(id),
  workload TEXT NOT NULL,
  name TEXT NOT NULL,
  unit TEXT NOT NULL,
  higher_is_better INTEGER NOT NULL CHECK (higher_is_better IN (0, 1)),
  adds_up INTEGER NOT NULL CHECK (adds_up IN (0, 1)),
  is_primary INTEGER NOT NULL CHECK (is_primary IN (0, 1)),
  UNIQUE (campaign_id, workload, name)
) STRICT;
INSERT INTO metric VALUES(1,1,'bzip2','time','s',0,0,1);
CREATE TABLE trial(
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  campaign_id INTEGER NOT NULL REFERENCES campaign(id),
  cell_id INTEGER NOT NULL REFERENCES cell(id),
  block INTEGER NOT NULL,
  position INTEGER NOT NULL,
  status TEXT NOT NULL CHECK (status IN ('ok', 'failed', 'invalid')),
  cause TEXT CHECK ((status = 'ok') = (cause IS NULL)),
  start_ns INTEGER NOT NULL,
  boot_ns INTEGER NOT NULL,
  prepare_ns INTEGER NOT NULL,
  run_ns INTEGER NOT NULL,
  verify_ns INTEGER NOT NULL,
  stop_ns INTEGER NOT NULL
) STRICT;
INSERT INTO trial VALUES(1,1,1,0,0,'ok',NULL,1700000001000000000,5,0,6,0,0);
INSERT INTO trial VALUES(2,1,2,0,1,'ok',NULL,1700000001000000000,5,0,6,0,0);
CREATE TABLE trial_fact(
  trial_id INTEGER NOT NULL REFERENCES trial(id),
  name TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (trial_id, name)
) STRICT, WITHOUT ROWID;
INSERT INTO trial_fact VALUES(1,'host.load','0.5');
INSERT INTO trial_fact VALUES(2,'host.load','0.5');
CREATE TABLE machine(
  trial_id INTEGER NOT NULL REFERENCES trial(id),
  idx INTEGER NOT NULL,
  boot_ns INTEGER,
  host_ns INTEGER,
  guest_ns INTEGER,
  console_tail TEXT,
  PRIMARY KEY (trial_id, idx)
) STRICT, WITHOUT ROWID;
INSERT INTO machine VALUES(1,0,5000000000,2000000000,1990000000,NULL);
INSERT INTO machine VALUES(2,0,5000000000,2000000000,1990000000,NULL);
CREATE TABLE sample(
  trial_id INTEGER NOT NULL REFERENCES trial(id),
  seq INTEGER NOT NULL,
  machine INTEGER NOT NULL,
  metric_id INTEGER NOT NULL REFERENCES metric(id),
  value REAL NOT NULL,
  PRIMARY KEY (trial_id, seq)
) STRICT, WITHOUT ROWID;
INSERT INTO sample VALUES(1,0,0,1,1.25);
INSERT INTO sample VALUES(2,0,0,1,6.5);
CREATE TABLE figure(
  trial_id INTEGER NOT NULL REFERENCES trial(id),
  machine INTEGER NOT NULL,
  name TEXT NOT NULL,
  value REAL,
  missing TEXT,
  PRIMARY KEY (trial_id, machine, name),
  CHECK ((value IS NULL) <> (missing IS NULL))
) STRICT, WITHOUT ROWID;
INSERT INTO figure VALUES(1,-1,'exits',NULL,'no tracepoints');
INSERT INTO figure VALUES(1,0,'cpu_ns',1000000000.0,NULL);
INSERT INTO figure VALUES(2,-1,'exits',NULL,'no tracepoints');
INSERT INTO figure VALUES(2,0,'cpu_ns',1000000000.0,NULL);
DELETE FROM sqlite_sequence;
INSERT INTO sqlite_sequence VALUES('campaign',1);
INSERT INTO sqlite_sequence VALUES('cell',2);
INSERT INTO sqlite_sequence VALUES('metric',1);
INSERT INTO sqlite_sequence VALUES('trial',2);
CREATE TRIGGER campaign_no_update BEFORE UPDATE OF id, name, plan_text, plan_digest, seed,
  start_ns ON campaign
  BEGIN SELECT RAISE(ABORT, 'only the end of a campaign may be set'); END;
CREATE TRIGGER campaign_no_delete BEFORE DELETE ON campaign
  BEGIN SELECT RAISE(ABORT, 'rows of campaign are only ever added'); END;
CREATE TRIGGER campaign_fact_no_update BEFORE UPDATE ON campaign_fact BEGIN SELECT RAISE(ABORT, 'rows of campaign_fact are only ever added'); END;
CREATE TRIGGER campaign_fact_no_delete BEFORE DELETE ON campaign_fact BEGIN SELECT RAISE(ABORT, 'rows of campaign_fact are only ever added'); END;
CREATE TRIGGER cell_no_update BEFORE UPDATE ON cell BEGIN SELECT RAISE(ABORT, 'rows of cell are only ever added'); END;
CREATE TRIGGER cell_no_delete BEFORE DELETE ON cell BEGIN SELECT RAISE(ABORT, 'rows of cell are only ever added'); END;
CREATE TRIGGER metric_no_update BEFORE UPDATE ON metric BEGIN SELECT RAISE(ABORT, 'rows of metric are only ever added'); END;
CREATE TRIGGER metric_no_delete BEFORE DELETE ON metric BEGIN SELECT RAISE(ABORT, 'rows of metric are only ever added'); END;
CREATE INDEX trial_of_campaign ON trial(campaign_id);
CREATE INDEX trial_of_cell ON trial(cell_id);
CREATE TRIGGER trial_no_update BEFORE UPDATE ON trial BEGIN SELECT RAISE(ABORT, 'rows of trial are only ever added'); END;
CREATE TRIGGER trial_no_delete BEFORE DELETE ON trial BEGIN SELECT RAISE(ABORT, 'rows of trial are only ever added'); END;
CREATE TRIGGER trial_fact_no_update BEFORE UPDATE ON trial_fact BEGIN SELECT RAISE(ABORT, 'rows of trial_fact are only ever added'); END;
CREATE TRIGGER trial_fact_no_delete BEFORE DELETE ON trial_fact BEGIN SELECT RAISE(ABORT, 'rows of trial_fact are only ever added'); END;
CREATE TRIGGER machine_no_update BEFORE UPDATE ON machine BEGIN SELECT RAISE(ABORT, 'rows of machine are only ever added'); END;
CREATE TRIGGER machine_no_delete BEFORE DELETE ON machine BEGIN SELECT RAISE(ABORT, 'rows of machine are only ever added'); END;
CREATE TRIGGER sample_no_update BEFORE UPDATE ON sample BEGIN SELECT RAISE(ABORT, 'rows of sample are only ever added'); END;
CREATE TRIGGER sample_no_delete BEFORE DELETE ON sample BEGIN SELECT RAISE(ABORT, 'rows of sample are only ever added'); END;
CREATE TRIGGER figure_no_update BEFORE UPDATE ON figure BEGIN SELECT RAISE(ABORT, 'rows of figure are only ever added'); END;
CREATE TRIGGER figure_no_delete BEFORE DELETE ON figure BEGIN SELECT RAISE(ABORT, 'rows of figure are only ever added'); END;
CREATE VIEW samples AS
  SELECT campaign.id AS campaign_id, campaign.name AS campaign, trial.id AS trial_id,
    trial.block, trial.position, trial.status, cell.workload, cell.platform, cell.vms,
    cell.vcpus, cell.memory_bytes, sample.machine, metric.name AS metric, sample.value,
    metric.unit
  FROM sample JOIN trial ON trial.id = sample.trial_id JOIN cell ON cell.id = trial.cell_id
    JOIN campaign ON campaign.id = trial.campaign_id
    JOIN metric ON metric.id = sample.metric_id;
COMMIT;
