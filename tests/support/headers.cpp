// SPDX-License-Identifier: Apache-2.0
// Gives the precompiled header a target of its own, compiled as the tests are.
int main() {}
