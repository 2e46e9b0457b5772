# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Reading a record
#
# What an experiment measured is kept in `records/`, one file for each device and precision. A record holds the
# prediction beside the measurement, what the test could not have seen, and how every wrong version was rejected.

# %%
from pathlib import Path

from IPython.display import HTML

from verify.experiments.records import read_record
from verify.experiments.run import perform

above = (Path.cwd(), *Path.cwd().parents)
folder = next(f / "records" / "train" for f in above if (f / "records").is_dir())
record = read_record(folder / "train-ema.cpu.float64.json")
record.name, record.verdict, record.device, record.dtype, record.seed

# %% [markdown]
# The prediction was written before anything ran. Each check has a margin; it is confirmed when the whole interval of
# the measurement lies inside.

# %%
def table(rows, columns):
    """Some columns of a list of dictionaries."""
    def cell(value):
        return f"{value:.6g}" if isinstance(value, float) else str(value)

    head = "".join(f"<th>{name}</th>" for name in columns)
    lines = ["".join(f"<td>{cell(row[name])}</td>" for name in columns) for row in rows]
    body = "".join(f"<tr>{line}</tr>" for line in lines)
    return HTML(f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>")


table(record.checks, ("name", "predicted", "low", "high", "verdict"))

# %% [markdown]
# A check that nothing can fail shows nothing. So the same measurement was made on wrong versions, and each was rejected
# by the check that was named beforehand.

# %%
table(record.variants, ("name", "check", "expected", "estimate", "rejected"))

# %% [markdown]
# The figure of the record, with the caption made of its numbers.

# %%
HTML((folder / record.figure["en"]).read_text(encoding="utf-8"))

# %% [markdown]
# Records are made to be repeated. The latents are counted, not drawn from a state, so a second run gives the same
# numbers on this machine and nearly the same on any other.

# %%
again = perform("train-ema").record
{old["name"]: abs(old["estimate"] - new["estimate"]) < 1e-12
 for old, new in zip(record.checks, again.checks, strict=True)}

# %% [markdown]
# A record knows the source files that made its numbers. When one of them changes, it is named as stale here and on
# its card until somebody runs it again.

# %%
record.stale()
