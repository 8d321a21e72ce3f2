"""The rotation-age review: the weekly act that says of every credential how old it is and what is decided about it.

``population`` looks and builds the document, ``decisions`` judges what a reviewer decides, ``signing`` chains the
document to the one before, ``verifying`` checks it later, ``exports`` renders it. No value of a credential is read.
"""
