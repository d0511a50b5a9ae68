"""What tasks and metrics are called and mean, in plain words."""

from __future__ import annotations

from collections.abc import Iterable

TASK_TITLES = {
    "segmentation": "Outlines of structures",
    "ef": "Ejection fraction",
    "walls": "Walls, inner diameter, aortic root and left atrium in PLAX",
    "views": "Views",
    "prompts": "Prompts: clicks, boxes, text",
    "beats": "Beats and steadiness",
    "carrying": "Carrying through a beat",
}

_MEANING = {
    "dice": "overlap with the true mask, 1 is perfect: by name (text), by a shaken box, by both, by one click; in A4C, "
    "A2C and PLAX together, and by name and box in each view; mean_shape_in_box: the mean shape of the other hearts in "
    "the same view, stretched into the true box, which is the constant predictor where a box was given (what no other "
    "heart shows in this view is left out there); LV_inside_trabeculae: the LV beside a truth that leaves the "
    "trabecular layer outside, with the box around that",
    "area_ratio": "median of the area found over the true one, by name and by a shaken box",
    "surface_mm": "mean distance between the border found by name and the true one, in mm",
    "missed": "share of shown structures for which asking by name gave nothing",
    "false_alarm": "share of pictures without the structure in which asking by name gave a mask",
    "confidence_auc": "how surely a low predicted Dice warns of a Dice below 0.85: 0.5 is chance, 1 is perfect",
    "confidence_error": "mean difference of predicted and reached Dice",
    "confidence_correlation": "correlation of predicted and reached Dice over all frames",
    "confidence_calibration": "expected calibration error: predicted less reached Dice in bins of a tenth",
    "ef": "in percent points: mean absolute error, bias, half width of the 95 % limits of agreement, coefficient of "
    "determination, and the error as a ratio to that of the constant predictor; single views together, each, and "
    "biplane; measured is the share of hearts that got a value",
    "mae_mm": "mean absolute error in mm",
    "bias_mm": "mean of model less truth in mm",
    "loa_mm": "half width of the 95 % limits of agreement in mm",
    "r2": "coefficient of determination",
    "ratio": "mean absolute error as a ratio to that of the constant predictor",
    "measured": "share of hearts in which it could be measured",
    "landmark_mm": "distance of a landmark from its true place in mm, at end-diastole and end-systole",
    "balanced_accuracy": "mean over the views of the share of clips named right; UNKNOWN is wrong; of the model's own "
    "head, of one that was taught later (by its name), and where the 20 most alike clips of other patients tell the "
    "view, by the embedding (knn) or by 32 x 32 gray values (pixels)",
    "recall": "share of the clips of a view that are named right",
    "lost": "share of the clips of known views answered UNKNOWN or OTHER",
    "abstention": "share of clips of something else, or of a view the model does not know, for which no view is named",
    "confusion": "share of the clips of the first view that were answered as the second",
    "click_returns_chamber": "share of clicks without a name that return the chamber they hit; zeroed: with "
    "the prompts blanked inside the network",
    "clicks": "how many clicks were tried",
    "negative_click_removes": "two chambers in one box, or in a mask to start with, and a negative click in one: "
    "share in which under 20 % of the chamber hit and over 80 % of the other remain, or hit_gone: "
    "whatever became of the other; the constant is the same without the click",
    "held_out": "Dice of a structure that was kept out of training: by a box, after one and five clicks, and with the "
    "prompts blanked",
    "text_right": "share of phrases, none of them trained on, that lead to the structure they mean",
    "text_refused": "share of foreign terms that are refused; the constant predictor refuses none",
    "beats_found": "share of whole beats in the clips that were found",
    "beats_missed": "share of whole beats that were not found",
    "beats_invented": "share of the found beats that fit no true one",
    "ed_error_ms": "distance in ms of the end-diastolic frame from the span in which the volume is largest: R wave "
    "to begin of ejection",
    "es_error_ms": "distance in ms of the end-systolic frame from the span in which the volume is least: end of "
    "ejection to opening of the mitral valve",
    "ed_error_frames": "the same for end-diastole in frames",
    "es_error_frames": "the same for end-systole in frames",
    "ed_bias_ms": "mean of found less true time of end-diastole in ms",
    "es_bias_ms": "mean of found less true time of end-systole in ms",
    "jitter_mm": "median over all frames of how much further the contour moves to the next frame than the true one, in "
    "mm (mean symmetric distance of the borders); below 0 it lags behind; the constant never moves",
    "carried_dice": "the left ventricle in A4C and A2C, shown at end-diastole by a shaken box or its true mask, with "
    "its name (text) or without, and carried through one beat: overlap with the true mask on the other frames; flow: "
    "carried by the motion of the picture alone; the constant is the given mask, kept still",
    "carried_worst": "the same on the worst frame of each clip",
    "swing_error": "difference of the found and the true share of its area that the ventricle loses from end-diastole "
    "to end-systole; the constant never loses any",
}


def explanations(metrics: Iterable[str]) -> list[tuple[str, str]]:
    """Each kind of metric among ``metrics`` and what it means."""
    kinds = dict.fromkeys(kind(name) for name in metrics)
    return [(name, _MEANING[name]) for name in kinds if name in _MEANING]


def kind(metric: str) -> str:
    """The kind of a metric: what stands before its first slash; all of EF are one kind."""
    name = metric.partition("/")[0]
    return "ef" if name.startswith("ef_") else name
