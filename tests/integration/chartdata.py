# SPDX-License-Identifier: GPL-2.0-or-later
"""What charts must show, computed from the store by other code than the program's."""
import base64
import json
import math
import re
import statistics
import struct
import zlib


def embedded(html):
    """The data that a page's charts are drawn from."""
    text = re.search(r'<script type="application/json" id="chart-data">(.*?)</script>', html, re.S)
    return json.loads(text.group(1))


def charts(html, spec, title):
    """Those with a specification whose axis has this title."""
    return [chart for chart in embedded(html)["charts"]
            if chart["spec"] == spec and re.search(title, chart["signals"]["title"])]


TRIALS = """
SELECT cell.workload, cell.platform, cell.vms, trial.block, metric.higher_is_better,
       group_concat(value, ' ') AS machines
FROM (SELECT trial_id, metric_id, machine, avg(value) AS value FROM sample GROUP BY 1, 2, 3) AS s
JOIN trial ON trial.id = s.trial_id JOIN cell ON cell.id = trial.cell_id
JOIN metric ON metric.id = s.metric_id
WHERE trial.status = 'ok' AND metric.is_primary GROUP BY trial.id
"""


def trials(world):
    """{(workload, platform, vms): {block: (one machine, all together)}} of good trials."""
    found = {}
    for workload, platform, vms, block, higher, machines in world.rows(TRIALS):
        values = [float(value) for value in machines.split()]
        together = sum(values) if higher else sum(1 / value for value in values)
        found.setdefault((workload, platform, vms), {})[block] = (
            statistics.fmean(values), together)
    return found


def ratios(found, cell, baseline="native"):
    """Those of each block in which both were good."""
    workload, _, vms = cell
    own, base = found.get(cell, {}), found.get((workload, baseline, vms), {})
    return {block: own[block][1] / base[block][1] for block in own if block in base}


def geometric_mean(values):
    return math.exp(statistics.fmean(math.log(value) for value in values))


def buckets(text):
    """A histogram in HdrHistogram's encoding V2 as {(lowest, highest): count}."""
    raw = base64.b64decode(text)
    cookie, length = struct.unpack(">II", raw[:8])
    assert cookie == 0x1C849314
    plain = zlib.decompress(raw[8:8 + length])
    cookie, size, _, digits, unit, _, _ = struct.unpack(">IIIIQQd", plain[:40])
    assert cookie == 0x1C849313 and unit == 1
    sub = 1 << math.ceil(math.log2(2 * 10 ** digits))
    found, index, at, end = {}, 0, 40, 40 + size
    while at < end:
        word = shift = 0
        while True:
            byte = plain[at]
            at += 1
            word |= (byte if shift == 56 else byte & 0x7F) << shift
            shift += 7
            if not byte & 0x80 or shift == 63:
                break
        value = (word >> 1) ^ -(word & 1)
        if value > 0:
            power = max(0, index // (sub // 2) - 1)
            low = (index - power * (sub // 2)) << power
            found[low, low + (1 << power) - 1] = value
        index += max(1, -value)
    return found


def histograms(log):
    """{tag: buckets} of an interval log."""
    lines = [line for line in log.splitlines() if line.startswith("Tag=")]
    return {line.split(",")[0][4:]: buckets(line.split(",")[-1]) for line in lines}


def merge(many):
    total = {}
    for one in many:
        for bucket, count in one.items():
            total[bucket] = total.get(bucket, 0) + count
    return total


def quantile(found, share):
    """Of the end of the bucket in which it lies."""
    wanted = max(1, math.ceil(share * sum(found.values()) - 1e-9))
    for bucket in sorted(found):
        wanted -= found[bucket]
        if wanted <= 0:
            return bucket[1]
    raise ValueError("empty")
