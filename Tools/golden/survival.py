#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes Tests/Golden/Recipes/survival.json: what lifelines and statsmodels say of censored times.

Needs lifelines 0.30.3 and statsmodels from PyPI; run from anywhere. Made tables are drawn from seeds
and stand in the file whole; of lifelines' own tables only the answers do.
"""
import json
import pathlib

import lifelines
import numpy as np
import statsmodels
from lifelines import CoxPHFitter, KaplanMeierFitter, datasets
from lifelines.statistics import logrank_test
from lifelines.utils import concordance_index
from statsmodels.duration.hazard_regression import PHReg

OUT = pathlib.Path(__file__).resolve().parents[2] / "Tests" / "Golden" / "Recipes"


def answers(time, event, risk, group, features):
    time, event, group = np.asarray(time, float), np.asarray(event, bool), np.asarray(group, bool)
    test = logrank_test(time[group], time[~group], event[group], event[~group])
    curve = KaplanMeierFitter().fit(time, event)
    places = [float(np.quantile(time, q)) for q in (0.1, 0.4, 0.7, 0.95)]
    cox = PHReg(time, features, status=event.astype(int), ties="breslow").fit(
        method="newton", tol=1e-15, maxiter=200, disp=0)
    return {"concordance": concordance_index(time, -np.asarray(risk, float), event),
            "statistic": test.test_statistic, "pValue": test.p_value,
            "places": places, "survival": [float(curve.predict(p)) for p in places],
            "cox": cox.params.tolist(), "logLikelihood": float(cox.llf)}


def made(seed, n, step):
    """Times on a grid of this step, so that there are ties; 0 leaves none."""
    rng = np.random.default_rng(seed)
    features = np.round(rng.standard_normal((n, 3)), 3)
    time = rng.exponential(np.exp(-features @ [0.8, -0.5, 0.2])) + 0.01
    time = np.round(time, 4) if step == 0 else np.ceil(time / step) * step
    event = rng.random(n) < 0.7
    risk = np.round(features[:, 0], 1)
    group = features[:, 1] > 0
    case = {"time": time.tolist(), "event": event.tolist(), "risk": risk.tolist(),
            "group": group.tolist(), "features": features.ravel().tolist()}
    case.update(answers(time, event, risk, group, features))
    if step == 0:
        # Without ties Breslow's likelihood is Efron's, which is what lifelines has.
        import pandas as pd
        frame = pd.DataFrame(features, columns=list("abc"))
        frame["time"], frame["event"] = time, event
        fit = CoxPHFitter().fit(frame, "time", "event", fit_options={"precision": 1e-12})
        assert np.allclose(fit.params_.values, case["cox"], atol=1e-8), (fit.params_, case["cox"])
    return case


def real():
    breast, prison, lung = datasets.load_gbsg2(), datasets.load_rossi(), datasets.load_lung()
    return {
        "gbsg2": answers(
            breast["time"], breast["cens"], breast["pnodes"], breast["horTh"] == "yes",
            np.c_[breast["age"] / 10, breast["tsize"] / 10, breast["pnodes"] / 10,
                  breast["progrec"] / 100, breast["estrec"] / 100, breast["horTh"] == "yes"]),
        "rossi": answers(
            prison["week"], prison["arrest"], prison["prio"], prison["fin"] == 1,
            np.c_[prison["fin"], prison["age"] / 10, prison["prio"]].astype(float)),
        "lung": answers(
            lung["time"], lung["status"], lung["age"], lung["sex"] == 1,
            np.c_[lung["age"] / 10, lung["sex"]].astype(float)),
    }


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    content = {"lifelines": lifelines.__version__, "statsmodels": statsmodels.__version__,
               "made": [made(1, 40, 0), made(2, 40, 0.25), made(3, 25, 0.5)], "real": real()}
    (OUT / "survival.json").write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    main()
