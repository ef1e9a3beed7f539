# SPDX-License-Identifier: Apache-2.0
# Header-only, but for threads. Nothing is downloaded.
find_package(Boost 1.81 REQUIRED)
find_package(cereal REQUIRED)
find_package(nlohmann_json 3.11 REQUIRED)
find_package(Threads REQUIRED)
