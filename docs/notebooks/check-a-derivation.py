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
# # Check a derivation from Python
#
# A notebook shows how the judges are called; it decides nothing. The verdicts of this site come from the ledger.
#
# A derivation is read from the same Markdown that a page holds.

# %%
from verify.language.document import read_document

document = read_document(r"""
/// claim | demo.skip
    title: The skip weight of least output variance

- $\sigma, s$ : positive
- $c$ : real

$$
\begin{aligned}
(1-c)^2 s^2 + c^2\sigma^2
 &= (\sigma^2+s^2)\left(c-\frac{s^2}{\sigma^2+s^2}\right)^2 + \frac{\sigma^2 s^2}{\sigma^2+s^2} && \text{complete the square}
\end{aligned}
$$
///

/// mistake | demo.skip
    title: the two variances are swapped

$$ (1-c)^2 s^2 + c^2\sigma^2 = (\sigma^2+s^2)\left(c-\frac{\sigma^2}{\sigma^2+s^2}\right)^2 + \frac{\sigma^2 s^2}{\sigma^2+s^2} $$
///
""", "notebook")
claim = document.claims[0]
document.errors

# %% [markdown]
# The prover brings the difference of the two sides to a normal form and says on what it rests.

# %%
from verify.proof.step import judge_step

left, right = claim.chains[0]
verdict = judge_step(left.expression, right.expression, claim.scope)
verdict.verdict, verdict.method, verdict.certificate

# %% [markdown]
# The wrong version is refuted at a point, with an enclosure of the difference that does not hold zero.

# %%
mistake = claim.mistakes[0]
left, right = mistake.rows
verdict = judge_step(left.expression, right.expression, mistake.scope)
verdict.verdict, verdict.witness

# %% [markdown]
# The second reading evaluates the same tree in many digits and shares no code with the prover.

# %%
from verify.sampling.judge import judge_step as sample_step

left, right = claim.chains[0]
verdict = sample_step(left.expression, right.expression, claim.scope)
verdict.verdict, verdict.method
