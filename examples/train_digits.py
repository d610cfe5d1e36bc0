"""A training script as a user writes it: four ways to learn 1,797 pictures of digits, one of which fails.

Beside a workspace it runs alone: `runledger init`, then `python train_digits.py`.
"""

import warnings

import numpy as np
from sklearn.datasets import load_digits
from sklearn.linear_model import SGDClassifier
from sklearn.metrics import accuracy_score, confusion_matrix, hinge_loss
from sklearn.model_selection import train_test_split

from runledger import Experiment, Run, Workspace

SETTINGS = {
    "small steps": {"step": 0.0001, "growth": 1.0},
    "large steps": {"step": 0.01, "growth": 1.0},
    "shrinking steps": {"step": 0.01, "growth": 0.7},
    # The steps grow until the weights overflow: scikit-learn raises in the middle of training.
    "exploding steps": {"step": 0.01, "growth": 1e60},
}
EPOCHS = 12


def train(run: Run, step: float, growth: float) -> float:
    """Learn for some epochs, and answer with the accuracy on pictures that were not learned."""
    images, digits = load_digits(return_X_y=True)
    learned, held, learned_digits, held_digits = train_test_split(images / 16, digits, random_state=0)
    model = SGDClassifier(loss="squared_hinge", learning_rate="constant", random_state=0)
    run.log_params({"model": "SGDClassifier", "epochs": EPOCHS, "step": step, "growth": growth})
    accuracy = 0.0
    for epoch in range(EPOCHS):
        model.set_params(eta0=step * growth**epoch)
        model.partial_fit(learned, learned_digits, classes=np.unique(digits))
        accuracy = accuracy_score(held_digits, model.predict(held))
        run.log("loss", hinge_loss(held_digits, model.decision_function(held)), step=epoch)
        run.log("accuracy", accuracy, step=epoch)
    matrix = confusion_matrix(held_digits, model.predict(held))
    run.log_table("confusion matrix", {f"read as {digit}": matrix[:, digit] for digit in range(10)})
    return accuracy


def main() -> None:
    """Train with each setting, and tag the best run."""
    warnings.simplefilter("ignore", RuntimeWarning)
    experiment = Experiment(Workspace(), "digits")
    found: list[tuple[float, Run]] = []
    for name, settings in SETTINGS.items():
        try:
            with experiment.start_logging(display_name=name, tags={"data": "digits"}) as run:
                found.append((train(run, **settings), run))
            print(f"{name}: accuracy {found[-1][0]:.3f}")
        except ValueError as error:
            print(f"{name}: failed ({str(error).splitlines()[0]})")
    accuracy, best = max(found, key=lambda each: each[0])
    best.set_tags({"quality": "great run", "best": f"{accuracy:.3f}"})


if __name__ == "__main__":
    main()
