"""Train a Keras model with the metric that it is judged by, though that has no gradient.

A model is to raise the alarm where a handwritten digit is an 8. Its score is rounded to whole points, any point above 0
is an alarm, and missing an 8 is four times as bad as a false alarm: what counts is F-beta with beta = 2. Rounding and
counting have no derivative, so one usually trains with something smooth instead: cross entropy, or F-beta with
probabilities in the place of counts. Here the metric itself is the loss, through ``jg.tf_loss``, and all three are
compared on digits that were held out.

    python examples/keras_metric.py
    python examples/keras_metric.py --save keras_metric.png
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from time import perf_counter

import numpy as np
from numba import njit
from sklearn.datasets import load_digits

import jitgrad as jg

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
import keras
import tensorflow as tf

SPLITS, EPOCHS, BATCH, RATE = 4, 30, 225, 0.02
# A score that moves by less than its distance from the next step of the metric changes nothing: a tiny step gives a
# gradient of exactly 0. Over a step h in both directions a central difference is the exact slope of the metric averaged
# over [s - h, s + h], for every score s. So the step is the width of a smoothing, and belongs to the scale of the
# scores, which spread by 1 to 2 here. In trials on other splits steps of 0.5 to 2 did equally well.
STEP = 1.0


@njit
def missed(scores, is_eight):
    """Return 1 - F2 of the alarms, which are the scores that are above 0 when rounded to whole points."""
    hits = alarms = eights = 0.0
    for i in range(scores.size):
        eights += is_eight[i]
        if np.round(scores[i]) > 0.0:
            alarms += 1.0
            hits += is_eight[i]
    return 1.0 - 5.0 * hits / (4.0 * eights + alarms)


def flat(tensor):
    """Return a column of Keras as the vector that losses take."""
    return tf.reshape(tensor, [-1])


def metric(step):
    """Return the metric as a loss of Keras."""
    loss = jg.tf_loss(missed, step=step)
    return lambda is_eight, scores: loss(flat(scores), flat(is_eight))


def cross_entropy(is_eight, scores):
    """Return the usual loss, for alarms above half a point, where rounding puts them."""
    return tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(is_eight, scores - 0.5))


def soft_f2(is_eight, scores):
    """Return 1 - F2, made smooth by hand: an alarm is as much of one as it is probable."""
    alarms = tf.sigmoid(scores - 0.5)
    hits = tf.reduce_sum(alarms * is_eight)
    return 1.0 - 5.0 * hits / (4.0 * tf.reduce_sum(is_eight) + tf.reduce_sum(alarms))


LOSSES = {"cross entropy": cross_entropy, "smooth F2, by hand": soft_f2, "F2 itself": metric(STEP)}


def trained(loss, images, is_eight, seed):
    """Train a linear model."""
    keras.utils.set_random_seed(seed)
    model = keras.Sequential([keras.layers.Input((images.shape[1],)), keras.layers.Dense(1)])
    # XLA, which Keras takes if it can, compiles no callbacks.
    model.compile(keras.optimizers.Adam(RATE), loss=loss, jit_compile=False)
    model.fit(images, is_eight, epochs=EPOCHS, batch_size=BATCH, verbose=0)
    return model


def f2(model, images, is_eight):
    """Return F2 of the model."""
    scores = model(images).numpy().ravel().astype(float)
    return 1.0 - missed(scores, is_eight.ravel().astype(float))


def compared(images, is_eight):
    """Train with every loss on a half of the digits; return F2 on the other half, for several ways to halve them."""
    found = {name: [] for name in LOSSES}
    for split in range(SPLITS):
        order = np.random.default_rng(split).permutation(len(images))
        known, other = np.split(order, [len(images) // 2])
        for name, loss in LOSSES.items():
            model = trained(loss, images[known], is_eight[known], split)
            found[name].append(f2(model, images[other], is_eight[other]))
    return found


def largest_derivative(step, images, is_eight):
    """Return the largest derivative of the metric by a score, for a model that has not been trained."""
    keras.utils.set_random_seed(0)
    scores = keras.layers.Dense(1)(images[:BATCH])
    with tf.GradientTape() as tape:
        tape.watch(scores)
        value = metric(step)(is_eight[:BATCH], scores)
    return float(tf.reduce_max(tf.abs(tape.gradient(value, scores))))


def draw(path, found, images, is_eight):
    """Draw the metric along one score and what the step makes of it, and F2 on the digits held out."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    mpl.use("Agg")
    figure = Figure(figsize=(8.4, 3.6), dpi=100, layout="constrained")
    left, right = figure.subplots(1, 2)
    keras.utils.set_random_seed(0)
    scores = keras.layers.Dense(1)(images[:BATCH]).numpy().ravel().astype(float)
    truth = is_eight[:BATCH].ravel().astype(float)
    along = np.linspace(-2.0, 3.0, 501)
    moved = np.repeat(scores[None], along.size, axis=0)
    moved[:, int(truth.argmax())] = along
    values = np.array([missed(x, truth) for x in moved])
    wide = np.clip((along[:, None] + np.linspace(-STEP, STEP, 201) - along[0]) / (along[1] - along[0]), 0, 500)
    left.plot(along, values, color="0.45", lw=1.6, label="the metric")
    left.plot(along, values[wide.astype(int)].mean(1), color="#0072B2", lw=1.8, label=f"what a step of {STEP:g} sees")
    left.set(xlabel="score of one 8", ylabel="1 - F2 of 225 digits")
    left.legend(frameon=False, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2)
    for row, (name, values) in enumerate(found.items()):
        color = "#0072B2" if name == "F2 itself" else "0.6"
        right.plot(values, np.full(SPLITS, row), "o", color=color, ms=5, alpha=0.6, mew=0)
        right.plot(np.mean(values), row, "|", color=color, ms=26, mew=2.5)
    right.set(yticks=range(len(found)), yticklabels=found, ylim=(2.5, -0.5), xlabel="F2 on digits held out, and mean")
    for axes in (left, right):
        axes.grid(color="0.9", lw=0.8)
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path)


def main():
    """Train with three losses, and print how well each does."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--save", type=Path, help="where to draw the result")
    path = parser.parse_args().save
    images, digits = load_digits(return_X_y=True)
    images = ((images - images.mean(0)) / 8.0).astype(np.float32)
    is_eight = (digits == 8).astype(np.float32)[:, None]
    for step in (1e-6, STEP):
        print(f"step {step:g}: largest derivative {largest_derivative(step, images, is_eight):.4f}")
    before = perf_counter()
    found = compared(images, is_eight)
    print(f"F2 on digits held out, mean of {SPLITS} splits ({perf_counter() - before:.0f} s):")
    for name, values in found.items():
        error = np.std(values, ddof=1) / np.sqrt(SPLITS)
        print(f"trained with {name:18} {np.mean(values):.3f} +- {error:.3f}")
    gains = np.subtract(found["F2 itself"], found["cross entropy"])
    print(f"gain over cross entropy in {(gains > 0).sum()} of {SPLITS} splits")
    if path is not None:
        draw(path, found, images, is_eight)


if __name__ == "__main__":
    main()
