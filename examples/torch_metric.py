"""Train a PyTorch model with the metric that it is judged by, though that has no gradient.

Ten detectors, one for each handwritten digit, are judged by how many digits they find while they raise few false
alarms: by the area under the ROC curve up to a false-alarm rate of 10 %. That is a matter of ranks, found by sorting
the scores, and ranks have no derivative. Here the metric itself is the loss, through ``jg.torch_loss``, for all ten
detectors in one call. It is compared, on digits that were held out, with cross entropy and with two smooth losses made
by hand: the logistic loss of all pairs of a right and a wrong digit, which stands for the whole area, and that of the
pairs with the worst tenth of the wrong digits, which was thought out for this very metric.

    python examples/torch_metric.py
    python examples/torch_metric.py --save torch_metric.png
"""

from __future__ import annotations

import argparse
from pathlib import Path
from time import perf_counter

import numpy as np
import torch
from numba import njit
from sklearn.datasets import load_digits

import jitgrad as jg

SPLITS, EPOCHS, BATCH, RATE = 2, 15, 225, 0.02
FALSE_ALARMS = 0.1
# As a function of one score the metric is a staircase that steps where two scores change places. With a tiny step the
# gradient is exactly 0; over a step h in both directions a central difference is the exact slope of the staircase
# averaged over [s - h, s + h]. So the step is the width of a smoothing, and must be large against the distance of
# neighbours, here a hundredth, and no larger than the spread of all scores, which is about 1. In trials on
# other splits steps of 0.5 and 1 did about equally well, 2 less.
STEP = 0.5


@njit
def lost_area(scores, found):
    """Return the area that is missing under the ROC curve up to `FALSE_ALARMS`, as a share of what there could be.

    `found` is 1 for what is to be found, else 0.
    """
    right = found.sum()
    alarms = np.ceil(FALSE_ALARMS * (found.size - right))
    area = hits = false = 0.0
    for i in np.argsort(-scores):
        if found[i] > 0.0:
            hits += 1.0
        else:
            area += hits
            false += 1.0
            if false == alarms:
                break
    return 1.0 - area / (alarms * right)


def all_pairs(scores, found):
    """Return the logistic loss of the pairs of a right and a wrong digit, for each detector."""
    return torch.stack([_pairs(s[y == 0], s[y == 1]) for s, y in zip(scores, found, strict=True)])


def worst_pairs(scores, found):
    """Return the logistic loss of the pairs with the worst of the wrong digits, for each detector."""
    losses = []
    for s, y in zip(scores, found, strict=True):
        wrong = s[y == 0]
        losses.append(_pairs(wrong.topk(int(np.ceil(FALSE_ALARMS * len(wrong)))).values, s[y == 1]))
    return torch.stack(losses)


def _pairs(wrong, right):
    return torch.nn.functional.softplus(wrong[None, :] - right[:, None]).mean()


def losses(step=STEP):
    """Return the four losses: of scores and what is to be found, both of shape (detectors, digits)."""
    return {
        "cross entropy": torch.nn.functional.binary_cross_entropy_with_logits,
        "all pairs, by hand": all_pairs,
        "worst pairs, by hand": worst_pairs,
        "the metric itself": jg.torch_loss(lost_area, step=step, args_axes=(0,)),
    }


def trained(loss, images, found, seed):
    """Train ten linear detectors."""
    torch.manual_seed(seed)
    model = torch.nn.Linear(images.shape[1], len(found)).double()
    optimizer = torch.optim.Adam(model.parameters(), lr=RATE)
    for _ in range(EPOCHS):
        for batch in torch.randperm(len(images)).split(BATCH):
            optimizer.zero_grad()
            loss(model(images[batch]).T, found[:, batch]).sum().backward()
            optimizer.step()
    return model


def detectors(model, images):
    """Return scores of shape (detectors, digits)."""
    with torch.no_grad():
        return model(images).T.contiguous().numpy()


def roc(scores, found, rates):
    """Return the share of digits that are found at some false-alarm rates, mean of the detectors."""
    curves = []
    for s, y in zip(scores, found, strict=True):
        right = y[np.argsort(-s)]
        curves.append(np.interp(rates, np.cumsum(1 - right) / (1 - right).sum(), np.cumsum(right) / right.sum()))
    return np.mean(curves, axis=0)


def draw(path, curves, rates):
    """Draw the ROC curves on the digits held out."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    mpl.use("Agg")
    figure = Figure(figsize=(6.4, 3.9), dpi=110, layout="constrained")
    axes = figure.subplots()
    styles = (("0.55", ":"), ("#009E73", (0, (4, 2))), ("#D55E00", (0, (7, 2))), ("#0072B2", "-"))
    for (name, found), (color, dashes) in zip(curves.items(), styles, strict=True):
        axes.plot(100 * rates, 100 * np.mean(found, axis=0), color=color, ls=dashes, lw=1.8, label=name)
    axes.set(xlabel="false alarms, %", ylabel="digits found, %", xlim=(0, 100 * FALSE_ALARMS), ylim=(None, 100))
    axes.legend(frameon=False, loc="lower right", title="trained with")
    axes.grid(color="0.9", lw=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path)


def main():
    """Train with four losses, and print how well each does."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--save", type=Path, help="where to draw the ROC curves")
    path = parser.parse_args().save
    torch.set_num_threads(1)  # what is multiplied here is small
    images, digits = load_digits(return_X_y=True)
    images = torch.from_numpy((images - images.mean(0)) / 8.0)
    found = torch.from_numpy(np.eye(10)[digits].T.copy())
    scores = torch.nn.Linear(images.shape[1], 10).double()(images[:BATCH]).T.detach().requires_grad_()
    for step in (1e-6, STEP):
        value = losses(step)["the metric itself"](scores, found[:, :BATCH]).sum()
        (gradient,) = torch.autograd.grad(value, scores)
        print(f"step {step:g}: largest derivative {float(gradient.abs().max()):.4f}")
    missing = {name: [] for name in losses()}
    curves = {name: [] for name in losses()}
    rates = np.linspace(0.0, FALSE_ALARMS, 101)
    before = perf_counter()
    for split in range(SPLITS):
        order = torch.from_numpy(np.random.default_rng(split).permutation(len(images)))
        known, other = order.split([len(images) // 2, len(images) - len(images) // 2])
        truth = found[:, other].numpy()
        for name, loss in losses().items():
            held_out = detectors(trained(loss, images[known], found[:, known], split), images[other])
            missing[name] += [lost_area(s, y) for s, y in zip(held_out, truth, strict=True)]
            curves[name].append(roc(held_out, truth, rates))
    print(f"area missing on digits held out, mean of {SPLITS} splits ({perf_counter() - before:.0f} s):")
    for name, values in missing.items():
        print(f"trained with {name:20} {np.mean(values):.4f}")
    gains = np.subtract(missing["cross entropy"], missing["the metric itself"])
    print(f"less than with cross entropy for {(gains > 0).sum()} of {gains.size} detectors")
    if path is not None:
        draw(path, curves, rates)


if __name__ == "__main__":
    main()
